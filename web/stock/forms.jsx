/** The three forms. Each says before it is sent what there will be afterwards, and takes nothing that makes no sense. */
import { Component, h } from 'preact';
import { newKey, Refused } from '../shared/api.js';
import { nameOf, number, t } from '../shared/language.js';
import { Dialog, Stepper, wholeNumber } from '../shared/ui.jsx';

const MOST = 1_000_000_000;
const MUCH = 1_000; /* more than a hurried person receives at a time: asked once more */
const USUAL_AMOUNTS = [10, 20, 50, 100];
const REASONS = ['counted', 'broken', 'expired', 'own'];

/** Sending, and what came of it, for all three. `save(n)` gives the promise of the row. */
class NumberForm extends Component {
    constructor(props) {
        super(props);
        this.key = newKey();
        this.state = { text: this.begin(props.item), wrong: false, failed: null, sending: false, sure: false, reason: REASONS[0], words: '' };
    }

    value() {
        return wholeNumber(this.state.text, this.least, MOST);
    }

    /** What stands in the way, as a text's key; null: nothing. */
    obstacle() {
        return this.value() === null ? this.wrongKey : null;
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
            this.props.onDone(await this.save(this.value()), this.value());
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
                    onChange={(text) => this.setState({ text, wrong: false, sure: false })} />
            </div>
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

    obstacle() {
        return super.obstacle() ?? (this.value() > MUCH && !this.state.sure ? 'receive.sureFirst' : null);
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
                    <button key={usual} class="button" type="button" onClick={() => this.setState({ text: String(usual), wrong: false, sure: false })}>
                        {number(usual)}
                    </button>
                ))}
            </div>,
            this.after(n === null ? t('onHand.now', { n: number(item.qty) })
                : t('receive.after', { before: number(item.qty), n: number(n), after: number(item.qty + n) })),
            n > MUCH ? (
                <label class="check">
                    <input type="checkbox" checked={this.state.sure} data-testid="sure" onChange={(event) => this.setState({ sure: event.target.checked })} />
                    {t('receive.sure', { n: number(n) })}
                </label>
            ) : null,
        ]);
    }
}

export class CountForm extends NumberForm {
    least = 0;
    testid = 'count-dialog';
    saveKey = 'count.save';
    wrongKey = 'count.wrong';

    begin() {
        return '';
    }

    reason() {
        return this.state.reason === 'own' ? this.state.words.trim() : t(`reason.${this.state.reason}`);
    }

    obstacle() {
        return super.obstacle() ?? (this.reason() ? null : 'reason.wrong');
    }

    save(n) {
        return this.props.keeping.count(this.props.item, n, this.reason());
    }

    render({ item, menu }, { reason, words }) {
        const n = this.value();
        const difference = n === null ? 0 : n - item.qty;
        return this.frame(t('count.title', { name: nameOf(menu, item.productName) }), [
            this.amount(t('count.amount')),
            this.after(n === null ? t('onHand.now', { n: number(item.qty) })
                : t(difference === 0 ? 'count.same' : difference < 0 ? 'count.fewer' : 'count.moreThere',
                    { before: number(item.qty), after: number(n), n: number(Math.abs(difference)) })),
            <div class="field">
                <label for="reason">{t('reason')}</label>
                <select id="reason" class="input" value={reason} data-testid="reason" onChange={(event) => this.setState({ reason: event.target.value })}>
                    {REASONS.map((one) => <option key={one} value={one}>{t(`reason.${one}`)}</option>)}
                </select>
            </div>,
            reason === 'own' ? (
                <div class="field">
                    <label for="words">{t('reason.words')}</label>
                    <input id="words" class="input" maxLength="60" value={words} data-testid="reason-words"
                        onInput={(event) => this.setState({ words: event.target.value })} />
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
