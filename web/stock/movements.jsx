/** What moved of an item: when, how much, why, and for which order. */
import { Component, h } from 'preact';
import * as api from '../shared/api.js';
import { language, nameOf, number, t } from '../shared/language.js';
import { Dialog } from '../shared/ui.jsx';
import { causeOf } from './keeping.js';

const when = (at) =>
    new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(Date.parse(at));

const TAKES = new Set(['StockReduced', 'StockRemoved']);

/** With its sign: what came in is more, what went out is less. */
const change = (one) => (TAKES.has(one.type) ? -one.qty : one.qty);

const Movement = ({ one }) => {
    const n = change(one);
    return (
        <li class="movement" data-testid="movement" data-type={one.type} data-qty={n}>
            <span class={`moved figures ${n < 0 ? 'out' : 'in'}`}>{n < 0 ? '−' : '+'}{number(Math.abs(n))}</span>
            <span>
                <strong>{t(`movement.${one.type}`)}</strong>
                <span class="soft"> · {t(...causeOf(one))}</span>
                <br />
                <time class="soft figures" dateTime={one.at}>{when(one.at)}</time>
            </span>
            <span class="figures left">{t('movement.left', { n: number(one.onHand) })}</span>
        </li>
    );
};

export class Movements extends Component {
    constructor() {
        super();
        this.state = { list: [], before: undefined, busy: true, failed: false };
    }

    componentDidMount() {
        this.more();
    }

    /* A page may be empty and still have older ones behind it. */
    async more() {
        this.setState({ busy: true, failed: false });
        try {
            const found = await api.movements(this.props.item.id, this.state.before);
            this.setState({ list: [...this.state.list, ...found.movements], before: found.before, busy: false });
        } catch {
            this.setState({ busy: false, failed: true });
        }
    }

    render({ item, menu, onClose }, { list, before, busy, failed }) {
        const title = t('movements.title', { name: nameOf(menu, item.productName) });
        return (
            <Dialog label={title} onClose={onClose} testid="movements">
                <h2>{title}</h2>
                <ul class="movements" aria-busy={busy ? 'true' : 'false'}>{list.map((one) => <Movement key={one.position} one={one} />)}</ul>
                {!busy && !failed && list.length === 0 ? <p class="soft">{t('movements.none')}</p> : null}
                {failed ? <p class="notice bad" role="alert">{t('unanswered')}</p> : null}
                <div class="actions">
                    <button class="button" type="button" onClick={onClose} data-testid="movements-close">{t('close')}</button>
                    {failed || before !== null
                        ? <button class="button" type="button" disabled={busy} data-testid="movements-more" onClick={() => this.more()}>{t(failed ? 'retry' : 'movements.more')}</button>
                        : null}
                </div>
            </Dialog>
        );
    }
}
