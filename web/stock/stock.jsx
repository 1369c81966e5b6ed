/** The stock keeper's page. */
import { Component, h } from 'preact';
import { nameOf, number, t, timeOfDay } from '../shared/language.js';
import { Menu } from '../shared/menu.js';
import { start } from '../shared/start.jsx';
import { announce, Announcer, Bar, StaleNotice } from '../shared/ui.jsx';
import { Done, sentenceOf } from './done.jsx';
import { CountForm, MarkForm, ReceiveForm } from './forms.jsx';
import { ItemCard } from './item_card.jsx';
import { Keeping } from './keeping.js';
import { Movements } from './movements.jsx';
import ko from './texts.ko.json';
import en from './texts.en.json';

const FORMS = { receive: ReceiveForm, count: CountForm, mark: MarkForm };

const WaitingOrders = ({ items, menu }) => {
    const short = items.filter((item) => item.waiting.length > 0);
    return (
        <section class="waiting-orders" aria-labelledby="waiting-title" data-testid="waiting-orders">
            <h2 id="waiting-title">{t('waitingOrders')}</h2>
            {short.length === 0 ? <p class="soft">{t('waitingOrders.none')}</p> : null}
            <ul>
                {short.map((item) => (
                    <li key={item.id} class="card waiting-item" data-item={item.productName}>
                        <h3>{nameOf(menu, item.productName)} <span class="badge wait figures">{t('missing', { n: number(item.missing) })}</span></h3>
                        <ol>
                            {item.waiting.map((ticket) => (
                                <li key={ticket.id} class="figures">
                                    <span>{ticket.atCounter ? t('for.counter', { id: ticket.id }) : t('for.order', { id: ticket.orderId })} × {number(ticket.qty)}</span>
                                    <time class="soft" dateTime={ticket.createdAt}>{timeOfDay(Date.parse(ticket.createdAt))}</time>
                                </li>
                            ))}
                        </ol>
                    </li>
                ))}
            </ul>
        </section>
    );
};

class Stock extends Component {
    constructor() {
        super();
        this.state = { act: null, done: null };
        this.told = 0;
        this.menu = new Menu(() => this.forceUpdate());
        this.keeping = new Keeping(() => this.forceUpdate());
    }

    componentDidMount() {
        this.keeping.start();
        this.menu.start();
    }

    finished(what, row, n, change) {
        this.tell({ what, item: row, n, change });
    }

    tell(done) {
        this.setState({ act: null, done: { ...done, id: ++this.told } });
        announce(sentenceOf(done, this.menu.items));
    }

    /* The form shows the newest figures; the item may have moved since it was opened. */
    renderAct({ act }) {
        const menu = this.menu.items;
        const item = this.keeping.items.find((one) => one.id === act.item.id) ?? act.item;
        const close = () => this.setState({ act: null });
        if (act.what === 'movements') {
            return <Movements item={item} menu={menu} onClose={close} />;
        }
        const Form = FORMS[act.what];
        return <Form item={item} menu={menu} keeping={this.keeping} onClose={close} onDone={(row, n, change) => this.finished(act.what, row, n, change)} />;
    }

    render(_, state) {
        const { items, link, asOf } = this.keeping;
        const menu = this.menu.items;
        return (
            <div class="page">
                <Bar where={t('stock')} link={link} />
                <StaleNotice link={link} asOf={asOf} />
                <main class={link === 'lost' ? 'old' : ''}>
                    <section aria-labelledby="items-title">
                        <h2 id="items-title">{t('items')}</h2>
                        {state.done ? (
                            <Done key={state.done.id} done={state.done} menu={menu} keeping={this.keeping} onUndone={(done) => this.tell(done)}
                                onOver={() => this.setState({ done: null })} />
                        ) : null}
                        <ul class="items" data-testid="items">
                            {items
                                ? items.map((item) => (
                                    <ItemCard key={item.id} item={item} menu={menu} onAct={(what, one) => this.setState({ act: { what, item: one }, done: null })} />
                                ))
                                : [1, 2, 3, 4].map((n) => <li key={n}><div class="wait-shape item" /></li>)}
                        </ul>
                    </section>
                    {items ? <WaitingOrders items={items} menu={menu} /> : null}
                </main>
                <Announcer />
                {state.act ? this.renderAct(state) : null}
            </div>
        );
    }
}

start(Stock, { ko, en });
