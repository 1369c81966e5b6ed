/** One ticket on the board, large enough for two metres. It is drawn anew only when something on it has changed. */
import { Component, h } from 'preact';
import { Icon } from '../shared/icons.jsx';
import { t } from '../shared/language.js';

const NEXT = { Ready: 'Producing', Producing: 'Completed' };

const Action = ({ ticket, touch, secondsLeft, onTouch, onTakeBack }) => {
    if (touch) {
        return (
            <button class="button take-back" type="button" disabled={touch.sending} data-testid="take-back" onClick={() => onTakeBack(ticket)}>
                <Icon name="undo" />
                {touch.sending ? t('sending') : t('takeBack', { seconds: secondsLeft })}
            </button>
        );
    }
    const next = NEXT[ticket.status];
    return next ? (
        <button class={`button ${next === 'Producing' ? 'main' : 'done'}`} type="button" data-testid={next === 'Producing' ? 'start' : 'finish'}
            onClick={() => onTouch(ticket, next)}>
            <Icon name={next === 'Producing' ? 'flame' : 'check'} />
            {t(next === 'Producing' ? 'start' : 'finish')}
        </button>
    ) : null;
};

export class Tile extends Component {
    shouldComponentUpdate(next) {
        return Object.keys(next).some((name) => next[name] !== this.props[name]);
    }

    render({ ticket, name, age, tone, fresh, manual, touch, sending, secondsLeft, trouble, gone, onTouch, onTakeBack }) {
        const look = ['tile', tone, fresh ? 'fresh' : '', gone ? 'gone' : '', touch ? 'touched' : ''].join(' ');
        return (
            <li class={look} data-testid="ticket" data-ticket={ticket.id} data-status={ticket.status}>
                <p class="tile-top figures">
                    <span class="tile-number">{ticket.atCounter ? t('counter', { id: ticket.id }) : `#${ticket.orderId}`}</span>
                    <span class="age" data-testid="age" data-tone={tone}><Icon name="clock" />{age}</span>
                </p>
                <p class="tile-what"><strong class="figures">{ticket.qty}</strong><span>{name}</span></p>
                {gone ? <p class="tile-gone" data-testid="canceled"><Icon name="close" />{t('status.Canceled')}</p> : null}
                {trouble ? <p class="notice bad" role="alert" data-testid="trouble">{trouble}</p> : null}
                {manual && !gone
                    ? <Action ticket={ticket} touch={touch ? { sending } : null} secondsLeft={secondsLeft} onTouch={onTouch} onTakeBack={onTakeBack} />
                    : null}
            </li>
        );
    }
}
