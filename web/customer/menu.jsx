/** What is sold. The first touch picks a drink, the second orders it. */
import { Component, h } from 'preact';
import { newKey } from '../shared/api.js';
import { language, money, t } from '../shared/language.js';
import { Dialog, Stepper, wholeNumber } from '../shared/ui.jsx';
import { Drink } from './drinks.jsx';

const MOST = 1000;

const nameIn = (item, which) => item.names[which] ?? item.name;

const MenuCard = ({ item, onPick }) => {
    const here = language();
    const there = here === 'ko' ? 'en' : 'ko';
    return (
        <li>
            <button class={`card drink-card ${item.soldOut ? 'sold-out' : ''}`} type="button" disabled={item.soldOut === true}
                data-testid="menu-item" data-item={item.name} onClick={() => onPick(item)}>
                <Drink name={item.name} />
                <span class="names">
                    <strong>{nameIn(item, here)}</strong>
                    <span class="soft" lang={there}>{nameIn(item, there)}</span>
                </span>
                {item.soldOut
                    ? <span class="badge bad" data-testid="sold-out">{t('soldOut')}</span>
                    : <span class="price figures">{money(item.price, item.currency)}</span>}
            </button>
        </li>
    );
};

/* Why what is shown may not be so, as a text's key; null: it is so. */
function doubt(menu, failed) {
    if (failed) {
        return menu ? 'menu.remembered' : 'menu.failed';
    }
    return menu?.some((item) => item.soldOut === null) ? 'menu.soldOutUnknown' : null;
}

/** `menu` is null while it is not known. `isSaid`: that the shop can't be reached stands on the page already. */
export const MenuList = ({ menu, failed, isSaid, onPick }) => {
    const why = doubt(menu, failed);
    return (
        <section class="menu" aria-labelledby="menu-title">
            <h2 id="menu-title">{t('menu')}</h2>
            {why && !(isSaid && !menu)
                ? <p class={`notice ${failed ? 'bad' : 'wait'}`} role="alert" data-testid="menu-failed" data-why={why}>{t(why)}</p>
                : null}
            <ul class="drinks" data-testid="menu">
                {menu
                    ? menu.map((item) => <MenuCard key={item.name} item={item} onPick={onPick} />)
                    : [1, 2, 3, 4, 5, 6].map((n) => <li key={n}><div class="wait-shape drink-card" /></li>)}
            </ul>
        </section>
    );
};

/** How many, what it costs, and the one button. It has its Idempotency-Key from the start, so a second touch can't be a second order. */
export class OrderSheet extends Component {
    constructor({ item }) {
        super();
        this.key = newKey();
        this.state = { qty: '1', wrong: false };
        this.item = item;
    }

    send(event) {
        event.preventDefault();
        const qty = wholeNumber(this.state.qty, 1, MOST);
        if (qty === null) {
            this.setState({ wrong: true });
        } else {
            this.props.onOrder(this.item, qty, this.key);
        }
    }

    render({ item, onClose }, { qty, wrong }) {
        const n = wholeNumber(qty, 1, MOST);
        return (
            <Dialog label={t('order.sheet', { name: nameIn(item, language()) })} onClose={onClose} testid="order-sheet">
                <form onSubmit={(event) => this.send(event)} novalidate>
                    <div class="sheet-head">
                        <Drink name={item.name} />
                        <div>
                            <h2>{nameIn(item, language())}</h2>
                            <p class="soft figures">{money(item.price, item.currency)}</p>
                        </div>
                    </div>
                    <Stepper label={t('howMany')} value={qty} min={1} max={MOST} testid="qty"
                        onChange={(next) => this.setState({ qty: next, wrong: false })} />
                    {wrong ? <p class="notice bad" role="alert" data-testid="qty-wrong">{t('howMany.wrong', { most: MOST })}</p> : null}
                    <div class="actions">
                        <button class="button" type="button" onClick={onClose} data-testid="order-back">{t('back')}</button>
                        <button class="button main" type="submit" autofocus data-testid="order-send">
                            {t('order.send')}
                            <span class="figures">{n === null ? '' : money(n * item.price, item.currency)}</span>
                        </button>
                    </div>
                </form>
            </Dialog>
        );
    }
}
