/** One item: how much there is, what of it is spoken for, and what can be done. */
import { h } from 'preact';
import { Icon } from '../shared/icons.jsx';
import { nameOf, number, t } from '../shared/language.js';

const Figure = ({ label, value, testid }) => (
    <div>
        <dt class="soft">{label}</dt>
        <dd class="figures" data-testid={testid}>{value}</dd>
    </div>
);

const State = ({ item }) => {
    if (item.qty === 0) {
        return <span class="badge bad" data-testid="low"><Icon name="alert" />{t('state.out')}</span>;
    }
    return item.isLow ? <span class="badge wait" data-testid="low"><Icon name="alert" />{t('state.low')}</span> : null;
};

export const ItemCard = ({ item, menu, onAct }) => {
    const name = nameOf(menu, item.productName);
    const act = (what, icon, look) => (
        <button class={`button ${look}`} type="button" aria-label={t(`${what}.title`, { name })} data-testid={what} onClick={() => onAct(what, item)}>
            {icon ? <Icon name={icon} /> : null}
            {t(`${what}.short`)}
        </button>
    );
    return (
        <li class={`card item ${item.qty === 0 ? 'out' : item.isLow ? 'low' : ''}`} data-testid="item" data-item={item.productName}>
            <header>
                <h3>{name}</h3>
                <State item={item} />
            </header>
            <p class="on-hand figures"><strong data-testid="on-hand">{number(item.qty)}</strong> <span class="soft">{t('onHand')}</span></p>
            <dl>
                <Figure label={t('reserved')} value={number(item.reserved)} testid="reserved" />
                <Figure label={t('wanted')} value={number(item.wanted)} testid="wanted" />
                <Figure label={t('waiting')} value={number(item.waiting.length)} testid="waiting" />
                <Figure label={t('lowMark')} value={item.lowMark ? number(item.lowMark) : '–'} testid="low-mark" />
            </dl>
            <div class="acts">
                {act('receive', 'plus', item.waiting.length || item.isLow ? 'main' : '')}
                {act('count', 'check', '')}
                {act('mark', 'bell', 'quiet')}
                <button class="button quiet" type="button" aria-label={t('movements.title', { name })} data-testid="show-movements"
                    onClick={() => onAct('movements', item)}>
                    <Icon name="list" />{t('movements.short')}
                </button>
            </div>
        </li>
    );
};
