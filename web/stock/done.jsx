/** What the keeper has just done, and for a minute the way back: a movement the other way round. */
import { Component, h } from 'preact';
import { newKey, Refused } from '../shared/api.js';
import { Icon } from '../shared/icons.jsx';
import { nameOf, number, t } from '../shared/language.js';

const SHOWN_MS = 60_000;

const signed = (n) => `${n < 0 ? '−' : '+'}${number(Math.abs(n))}`;

/** The sentence; `done` {what: 'receive' | 'count' | 'mark' | 'undo', item, n, change}. */
export const sentenceOf = ({ what, item, n, change }, menu) =>
    t(`done.${what}`, { name: nameOf(menu, item.productName), n: what === 'count' || what === 'undo' ? signed(change) : number(n) });

export class Done extends Component {
    constructor() {
        super();
        this.key = newKey();
        this.state = { sending: false, failed: null };
    }

    componentDidMount() {
        this.timer = setTimeout(() => this.props.onOver(), SHOWN_MS);
    }

    componentWillUnmount() {
        clearTimeout(this.timer);
    }

    async undo() {
        const { done, keeping, onUndone } = this.props;
        this.setState({ sending: true, failed: null });
        try {
            await keeping.correct(done.item, -done.change, t('undo.reason'), this.key);
            onUndone({ what: 'undo', item: done.item, change: -done.change });
        } catch (why) {
            this.setState({ sending: false, failed: why instanceof Refused ? t('said', { detail: why.detail }) : t('notAnswered') });
        }
    }

    render({ done, menu }, { sending, failed }) {
        return (
            <div class="notice good done" data-testid="done" data-what={done.what}>
                <p>{sentenceOf(done, menu)}{failed ? <strong role="alert" data-testid="undo-failed"> {failed}</strong> : null}</p>
                {done.change && done.what !== 'undo' ? (
                    <button class="button" type="button" disabled={sending} data-testid="undo" onClick={() => this.undo()}>
                        <Icon name="undo" />{t('undo')}
                    </button>
                ) : null}
            </div>
        );
    }
}
