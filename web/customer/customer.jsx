/** The customer's page: the menu, and my orders with their way to the cup. */
import { Component, h } from 'preact';
import { now } from '../shared/clock.js';
import { Icon } from '../shared/icons.jsx';
import { nameOf, t } from '../shared/language.js';
import { Menu } from '../shared/menu.js';
import { start } from '../shared/start.jsx';
import { announce, Announcer, Bar, StaleNotice, wholeNumber } from '../shared/ui.jsx';
import { MenuList, OrderSheet } from './menu.jsx';
import { OrderCard } from './order_card.jsx';
import { hasEnded } from './order_row.js';
import { Orders } from './orders.js';
import { PendingCard } from './pending_card.jsx';
import ko from './texts.ko.json';
import en from './texts.en.json';

const CALM_MS = 700; /* after an order: the second half of a double touch must not pick what lay behind the button */

class OpenByNumber extends Component {
    constructor() {
        super();
        this.state = { text: '', wrong: false };
    }

    open(event) {
        event.preventDefault();
        const id = wholeNumber(this.state.text, 1, 9_007_199_254_740_991);
        this.setState({ wrong: id === null, text: id === null ? this.state.text : '' });
        if (id !== null) {
            location.hash = String(id);
        }
    }

    render(_, { text, wrong }) {
        return (
            <form class="by-number" onSubmit={(event) => this.open(event)} novalidate>
                <label for="by-number">{t('byNumber')}</label>
                <input id="by-number" class="input figures" inputMode="numeric" autocomplete="off" value={text} data-testid="by-number"
                    aria-invalid={wrong ? 'true' : 'false'} aria-describedby="by-number-wrong"
                    onInput={(event) => this.setState({ text: event.target.value, wrong: false })} />
                <button class="button" type="submit" data-testid="by-number-open"><Icon name="search" />{t('byNumber.open')}</button>
                <p id="by-number-wrong" class="wrong" role="alert">{wrong ? t('byNumber.wrong') : ''}</p>
            </form>
        );
    }
}

class Customer extends Component {
    constructor() {
        super();
        this.state = { picked: null, marked: null };
        this.menu = new Menu(() => this.forceUpdate());
        this.orders = new Orders(() => this.forceUpdate(), (kind, entry) => this.tell(kind, entry));
    }

    componentDidMount() {
        this.orders.start();
        this.menu.start();
        this.mark();
        addEventListener('hashchange', () => this.mark());
        setInterval(() => this.counting() && this.forceUpdate(), 500);
    }

    /* Only a time that is running out needs drawing by the clock. */
    counting() {
        return this.orders.list().some((entry) => entry.ticket?.startsAt);
    }

    /* An order that the address names is opened. */
    async mark() {
        const id = wholeNumber(location.hash.slice(1), 1, Number.MAX_SAFE_INTEGER);
        if (id !== null) {
            this.setState({ marked: id });
            await this.orders.open(id);
            document.getElementById(`order-${id}`)?.focus();
        }
    }

    tell(kind, entry) {
        const name = nameOf(this.menu.items, entry.row?.productName ?? entry.productName);
        const status = entry.row ? t(`status.${entry.row.orderStatus}`) : '';
        announce(t(`news.${kind}`, { id: entry.id, name, status }));
        if (kind === 'price' || (kind === 'status' && entry.row.orderStatus === 'Out of stock')) {
            this.menu.ask();
        }
    }

    pick(item) {
        if (!(performance.now() < this.calmUntil)) {
            this.setState({ picked: item });
        }
    }

    order(item, qty, key) {
        this.calmUntil = performance.now() + CALM_MS;
        this.setState({ picked: null });
        this.orders.sending.place({ key, productName: item.name, qty, amount: qty * item.price, currency: item.currency });
        document.getElementById('orders').scrollIntoView({ block: 'nearest' });
    }

    forget(id) {
        this.orders.forget(id);
        if (location.hash === `#${id}`) {
            history.replaceState(null, '', location.pathname);
        }
    }

    renderOrders({ marked }) {
        const menu = this.menu.items;
        const { sending } = this.orders;
        const entries = this.orders.list();
        const pending = sending.list();
        const draw = (entry) => (
            <OrderCard key={entry.id} entry={entry} menu={menu} now={now()} marked={entry.id === marked}
                onCancel={(id) => this.orders.cancel(id)} onForget={(id) => this.forget(id)} />
        );
        return (
            <section class="orders" id="orders" aria-labelledby="orders-title">
                <h2 id="orders-title">{t('orders')}</h2>
                <ul data-testid="orders">
                    {pending.map((one) => <PendingCard key={one.key} one={one} menu={menu} sending={sending} />)}
                    {entries.filter((entry) => entry.row && !hasEnded(entry.row)).map(draw)}
                    {entries.filter((entry) => !entry.row || hasEnded(entry.row)).map(draw)}
                </ul>
                {entries.length + pending.length === 0 ? <p class="soft" data-testid="no-orders">{t('orders.none')}</p> : null}
                <OpenByNumber />
            </section>
        );
    }

    render(_, state) {
        const { link, asOf, isReached } = this.orders;
        const { items, failed } = this.menu;
        this.busy ||= this.orders.sending.list().length > 0 || this.orders.list().some((entry) => entry.row && !hasEnded(entry.row));
        return (
            <div class="page">
                <Bar link={link} />
                <StaleNotice link={link} asOf={asOf} isReached={isReached} />
                <main class={this.busy ? 'busy' : ''}>
                    <h1 class="unseen">{t('title')}</h1>
                    <MenuList menu={items} failed={failed} isSaid={link === 'lost' && !isReached} onPick={(item) => this.pick(item)} />
                    {this.renderOrders(state)}
                </main>
                <Announcer />
                {state.picked
                    ? <OrderSheet item={state.picked} onClose={() => this.setState({ picked: null })}
                        onOrder={(item, qty, key) => this.order(item, qty, key)} />
                    : null}
            </div>
        );
    }
}

start(Customer, { ko, en });
