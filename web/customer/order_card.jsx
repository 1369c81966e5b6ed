/** One order: what it is, how far it has got, what can still be done about it. */
import { h } from 'preact';
import { Icon } from '../shared/icons.jsx';
import { nameOf, t, timeOfDay } from '../shared/language.js';
import { hasEnded, isGivenUp, RAN_OUT } from './order_row.js';

const look = {
    Requested: ['now', 'clock'],
    Producing: ['now', 'flame'],
    Completed: ['good', 'cup'],
    'Out of stock': ['wait', 'box'],
    Canceled: ['bad', 'close'],
};

export const StatusBadge = ({ status }) => {
    const [tone, icon] = look[status] ?? ['', 'clock'];
    return (
        <span class={`badge ${tone}`} data-testid="order-status" data-status={status}>
            <Icon name={icon} />
            {t(`status.${status}`)}
        </span>
    );
};

/* Three steps on the way to a cup; what went another way says so in words instead. */
const STEPS = ['Requested', 'Producing', 'Completed'];

const Progress = ({ status }) => {
    const at = STEPS.indexOf(status);
    return at < 0 ? null : (
        <ol class="progress" aria-hidden="true">
            {STEPS.map((step, i) => <li key={step} class={i < at ? 'past' : i === at ? 'at' : ''}>{t(`step.${step}`)}</li>)}
        </ol>
    );
};

const Timeline = ({ timeline }) => (
    <ol class="timeline" data-testid="timeline">
        {timeline.map((one, i) => (
            <li key={i} data-type={one.type}>
                <time dateTime={one.at} class="figures soft">{timeOfDay(Date.parse(one.at))}</time>
                <span>{t(`event.${one.type}${one.reason === RAN_OUT ? '.ranOut' : ''}`)}</span>
            </li>
        ))}
    </ol>
);

/** How long it can still be cancelled: by the shop's clock. In manual mode until somebody starts it. */
function timeLeft(entry, now) {
    if (!entry.ticket) {
        return t('cancel.asking');
    }
    if (entry.ticket.startsAt === null) {
        return t('cancel.untilBarista');
    }
    const seconds = Math.ceil((entry.ticket.startsAt - now) / 1000);
    return seconds > 0 ? t('cancel.left', { seconds }) : t('cancel.nowStarting');
}

const Cancel = ({ entry, now, onCancel }) => (
    <div class="cancel">
        <button class="button" type="button" disabled={entry.canceling} data-testid="cancel" onClick={() => onCancel(entry.id)}>
            <Icon name="undo" />
            {entry.canceling ? t('cancel.asked') : t('cancel')}
        </button>
        <span class="soft figures" data-testid="time-left">
            {entry.row.orderStatus === 'Requested' ? timeLeft(entry, now) : t('cancel.whileWaiting')}
        </span>
    </div>
);

const Answer = ({ answer }) =>
    answer ? <p class={`notice ${answer === 'notNow' ? 'bad' : 'wait'}`} role="alert" data-testid="cancel-answer">{t(`answer.${answer}`)}</p> : null;

/* Nothing is said where one pays at the counter. */
const Payment = ({ row }) => {
    const said = row.paymentStatus === 'Paid' && row.orderStatus === 'Canceled' ? 'GoingBack' : row.paymentStatus;
    if (isGivenUp(row)) {
        return <p class="notice wait" data-testid="given-up" data-payment={said}>{t(`givenUp.${said ?? 'Unpaid'}`)}</p>;
    }
    return said ? <p class="soft" data-testid="payment" data-payment={said}>{t(`payment.${said}`)}</p> : null;
};

export const OrderCard = ({ entry, menu, now, marked, onCancel, onForget }) => {
    const { row } = entry;
    if (!row) {
        return (
            <li class="card order" data-testid="order" data-order={entry.id}>
                <p data-testid="order-missing">{t('order.missing', { id: entry.id })}</p>
                <button class="button quiet" type="button" onClick={() => onForget(entry.id)}>{t('order.forget')}</button>
            </li>
        );
    }
    const canCancel = row.orderStatus === 'Requested' || row.orderStatus === 'Out of stock';
    return (
        <li class={`card order ${marked ? 'marked' : ''}`} data-testid="order" data-order={entry.id} id={`order-${entry.id}`} tabIndex="-1">
            <header>
                <div>
                    <h3>{nameOf(menu, row.productName)} <span class="figures">× {row.qty}</span></h3>
                    <p class="soft figures">{t('order.number', { id: entry.id })}</p>
                </div>
                <StatusBadge status={row.orderStatus} />
            </header>
            <Progress status={row.orderStatus} />
            <Payment row={row} />
            {row.orderStatus === 'Out of stock' ? <p class="notice wait" data-testid="out-of-stock">{t('outOfStock')}</p> : null}
            <Answer answer={entry.answer} />
            {canCancel ? <Cancel entry={entry} now={now} onCancel={onCancel} /> : null}
            <details>
                <summary data-testid="history">{t('history')}</summary>
                <Timeline timeline={row.timeline} />
                {hasEnded(row)
                    ? <button class="button quiet" type="button" data-testid="forget" onClick={() => onForget(entry.id)}>{t('order.forget')}</button>
                    : null}
            </details>
        </li>
    );
};
