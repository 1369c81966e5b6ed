/** An order on its way to the shop, what has to be asked about it, or what came of it. */
import { h } from 'preact';
import { language, money, nameOf, t } from '../shared/language.js';

const TONES = {
    sending: 'now', waiting: 'now', busy: 'wait', unknown: 'wait', old: 'wait', price: 'wait', refused: 'bad', declined: 'bad', withdrawn: '', unordered: '', dropped: '',
};
const TRIED_AGAIN = ['waiting', 'busy', 'unknown'];

/* The price as the menu has it now, for an order that remembers none. */
function shownOf(one, menu) {
    const item = menu?.find((each) => each.name === one.productName);
    return item ? { amount: item.price * one.qty, currency: item.currency } : {};
}

const costs = ({ amount, currency }) => (amount === undefined ? '' : money(amount, currency));

const when = (at) =>
    new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }).format(at);

/* What the till says, in the customer's words; what it doesn't say often is left to the counter. */
const REASONS = {
    'there is not enough money on the account': 'declined.insufficient',
    'the amount is over the limit': 'declined.limit',
};
const reasonOf = ({ reason }) => t(REASONS[reason] ?? 'declined.other');

function words(one) {
    switch (one.phase) {
    case 'waiting': return t('pending.waiting');
    case 'busy': return t('pending.busy');
    case 'unknown': return t('pending.unknown');
    case 'declined': return t('pending.declined', { reason: reasonOf(one) });
    case 'old': return t('pending.old', { time: when(one.at) });
    case 'price': return t('pending.price', { before: costs(one), price: costs(one.offer) });
    case 'refused': return t('said', { detail: one.detail });
    case 'withdrawn': return t('pending.withdrawnNote');
    case 'unordered': return t('pending.unorderedNote');
    case 'dropped': return t('pending.droppedNote');
    default: return null;
    }
}

const Act = ({ look, name, children, onClick }) => (
    <button class={`button ${look}`} type="button" data-testid={`pending-${name}`} onClick={onClick}>{children}</button>
);

function actsOf(one, menu, sending) {
    const withdraw = <Act name="withdraw" look="" onClick={() => sending.withdraw(one)}>{t(one.phase === 'waiting' || one.phase === 'unknown' ? 'pending.withdraw' : 'pending.no')}</Act>;
    switch (one.phase) {
    case 'waiting':
    case 'busy':
    case 'unknown': return [withdraw];
    case 'old': {
        const shown = one.amount === undefined ? shownOf(one, menu) : one;
        return [withdraw, <Act name="send" look="main" onClick={() => sending.resend(one, shown)}>{t('pending.send')} {costs(shown)}</Act>];
    }
    case 'price': return [withdraw, <Act name="accept" look="main" onClick={() => sending.accept(one)}>{t('order.send')} {costs(one.offer)}</Act>];
    case 'refused':
    case 'declined':
    case 'withdrawn':
    case 'unordered':
    case 'dropped': return [<Act name="close" look="" onClick={() => sending.dismiss(one)}>{t('close')}</Act>];
    default: return [];
    }
}

export const PendingCard = ({ one, menu, sending }) => {
    const tone = TONES[one.phase];
    const text = words(one);
    const acts = actsOf(one, menu, sending);
    return (
        <li class="card order" data-testid="pending" data-phase={one.phase}>
            <header>
                <h3>{nameOf(menu, one.productName)} <span class="figures">× {one.qty}</span></h3>
                <span class={`badge ${tone}`}>{t(`phase.${one.phase}`)}</span>
            </header>
            {text ? <p class={`notice ${tone === 'now' ? 'wait' : tone}`} role={TRIED_AGAIN.includes(one.phase) ? 'status' : 'alert'}>{text}</p> : null}
            {acts.length ? <div class="acts">{acts}</div> : null}
        </li>
    );
};
