/** The three forms. Each says before it is sent what there will be afterwards, and takes nothing that makes no sense. */
import { Component, h } from 'preact';
import { newKey, Refused } from '../shared/api.js';
import { nameOf, number, t } from '../shared/language.js';
import { Dialog, Stepper, wholeNumber } from '../shared/ui.jsx';
import { isImplausible } from './keeping.js';

const MOST = 1_000_000_000;
const USUAL_AMOUNTS = [10, 20, 50, 100];
const REASONS = ['counted', 'broken', 'expired', 'own'];

/** Sending, and what came of it, for all three. `save(n)` gives the promise of the row; `changeOf(n)` is by how many it changes what is
 *  on hand. */
class NumberForm extends Component {
    constructor(props) {
        super(props);
        this.key = newKey();
        this.state = { text: this.begin(props.item), wrong: false, failed: null, sending: false, sure: false, reason: REASONS[0], words: '' };
    }

    value() {
        return wholeNumber(this.state.text, this.least, MOST);
    }

    changeOf() {
        return 0;
    }

    /** More than anybody would expect is asked about once more. */
    isMuch() {
        return this.value() !== null && isImplausible(this.changeOf(this.value()), this.state.deliveries ?? [], this.props.item.qty);
    }

    /** What stands in the way, as a text's key; null: nothing. */
    obstacle() {
        if (this.value() === null) {
            return this.wrongKey;
        }
        return this.isMuch() && !this.state.sure ? 'sure.first' : null;
    }

    async send(event) {
        event.preventDefault();
        if (this.state.sending) {
            return;
        }
        if (this.obstacle()) {
            this.setState({ wrong: true });
            return;
        }
        this.setState({ sending: true, failed: null });
        try {
            const n = this.value();
            this.props.onDone(await this.save(n), n, this.changeOf(n));
        } catch (why) {
            const failed = why instanceof Refused ? t('said', { detail: why.detail }) : t('notAnswered');
            this.setState({ sending: false, failed });
        }
    }

    frame(title, parts) {
        const { wrong, failed, sending } = this.state;
        const obstacle = wrong ? this.obstacle() : null;
        return (
            <Dialog label={title} onClose={this.props.onClose} testid={this.testid}>
                <form onSubmit={(event) => this.send(event)} novalidate>
                    <h2>{title}</h2>
                    {parts}
                    {this.isMuch() ? this.sure() : null}
                    {obstacle ? <p class="notice bad" role="alert" data-testid="amount-wrong">{t(obstacle)}</p> : null}
                    {failed ? <p class="notice bad" role="alert" data-testid="save-failed">{failed}</p> : null}
                    <div class="actions">
                        <button class="button" type="button" onClick={this.props.onClose}>{t('back')}</button>
                        <button class="button main" type="submit" disabled={sending} data-testid="save">{t(this.saveKey)}</button>
                    </div>
                </form>
            </Dialog>
        );
    }

    amount(label) {
        return (
            <div class="field">
                <span class="label" aria-hidden="true">{label}</span>
                <Stepper label={label} value={this.state.text} min={this.least} max={MOST} testid="amount"
                    onChange={(text) => this.type(text)} />
            </div>
        );
    }

    /** Something else is to be sent: another request, and what was said of the one before says nothing of it. */
    change(next) {
        this.key = newKey();
        this.setState({ wrong: false, failed: null, ...next });
    }

    type(text) {
        this.change({ text, sure: false });
    }

    sure() {
        return (
            <label class="check">
                <input type="checkbox" checked={this.state.sure} data-testid="sure" onChange={(event) => this.setState({ sure: event.target.checked })} />
                {t('sure', { n: number(this.value()) })}
            </label>
        );
    }

    after(text) {
        return <p class="after figures" aria-live="polite" data-testid="after">{text}</p>;
    }
}

export class ReceiveForm extends NumberForm {
    least = 1;
    testid = 'receive-dialog';
    saveKey = 'receive.save';
    wrongKey = 'receive.wrong';

    begin() {
        return '';
    }

    componentDidMount() {
        this.props.keeping.deliveries(this.props.item).then((deliveries) => this.setState({ deliveries }), () => {});
    }

    changeOf(n) {
        return n;
    }

    save(n) {
        return this.props.keeping.receive(this.props.item, n, this.key);
    }

    render({ item, menu }) {
        const n = this.value();
        return this.frame(t('receive.title', { name: nameOf(menu, item.productName) }), [
            this.amount(t('receive.amount')),
            <div class="chips">
                {USUAL_AMOUNTS.map((usual) => (
                    <button key={usual} class="button" type="button" onClick={() => this.type(String(usual))}>
                        {number(usual)}
                    </button>
                ))}
            </div>,
            this.after(n === null ? t('onHand.now', { n: number(item.qty) })
                : t('receive.after', { before: number(item.qty), n: number(n), after: number(item.qty + n) })),
        ]);
    }
}

export class CountForm extends NumberForm {
    least = 0;
    testid = 'count-dialog';
    saveKey = 'count.save';
    wrongKey = 'count.wrong';

    /* What was counted is compared with what there was when the form was opened: what is sold from then on goes off by itself. */
    begin(item) {
        this.before = item.qty;
        return '';
    }

    changeOf(n) {
        return n - this.before;
    }

    reason() {
        return this.state.reason === 'own' ? this.state.words.trim() : t(`reason.${this.state.reason}`);
    }

    obstacle() {
        return super.obstacle() ?? (this.reason() ? null : 'reason.wrong');
    }

    save(n) {
        return this.props.keeping.correct(this.props.item, this.changeOf(n), this.reason(), this.key);
    }

    render({ item, menu }, { reason, words }) {
        const n = this.value();
        const difference = n === null ? 0 : this.changeOf(n);
        const moved = item.qty - this.before;
        return this.frame(t('count.title', { name: nameOf(menu, item.productName) }), [
            this.amount(t('count.amount')),
            this.after(n === null ? t('onHand.now', { n: number(this.before) })
                : t(difference === 0 ? 'count.same' : difference < 0 ? 'count.fewer' : 'count.moreThere',
                    { before: number(this.before), after: number(n), n: number(Math.abs(difference)) })),
            moved ? <p class="notice" role="status" data-testid="moved">{t('count.moved', { now: number(item.qty), after: number(Math.max(0, item.qty + difference)) })}</p> : null,
            <div class="field">
                <label for="reason">{t('reason')}</label>
                <select id="reason" class="input" value={reason} data-testid="reason" onChange={(event) => this.change({ reason: event.target.value })}>
                    {REASONS.map((one) => <option key={one} value={one}>{t(`reason.${one}`)}</option>)}
                </select>
            </div>,
            reason === 'own' ? (
                <div class="field">
                    <label for="words">{t('reason.words')}</label>
                    <input id="words" class="input" maxLength="60" value={words} data-testid="reason-words"
                        onInput={(event) => this.change({ words: event.target.value })} />
                </div>
            ) : null,
        ]);
    }
}

export class MarkForm extends NumberForm {
    least = 0;
    testid = 'mark-dialog';
    saveKey = 'mark.save';
    wrongKey = 'count.wrong';

    begin(item) {
        return String(item.lowMark);
    }

    save(n) {
        return this.props.keeping.mark(this.props.item, n);
    }

    render({ item, menu }) {
        const n = this.value();
        return this.frame(t('mark.title', { name: nameOf(menu, item.productName) }), [
            this.amount(t('mark.amount')),
            this.after(n ? t('mark.after', { n: number(n) }) : t('mark.none')),
        ]);
    }
}
