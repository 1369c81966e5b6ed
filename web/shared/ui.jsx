/** Parts that more than one page is made of. */
import { Component, h } from 'preact';
import { Icon, Sign } from './icons.jsx';
import { language, otherLanguage, speak, t, timeOfDay } from './language.js';

/** The top bar: the sign, what page this is, the page's own controls, the connection, the other language. */
export const Bar = ({ where, link, children }) => (
    <header class="bar">
        <a class="brand" href="/" aria-label={t('home')}>
            <Sign />
            <span>CoffeeShop</span>
        </a>
        {where ? <h1 class="where">{where}</h1> : null}
        <div class="rest">
            {children}
            <LinkState link={link} />
            <button class="button quiet lang" type="button" lang={otherLanguage()} data-testid="language"
                onClick={() => speak(otherLanguage())}>
                {language() === 'ko' ? 'English' : '한국어'}
            </button>
        </div>
    </header>
);

/** Live, or not: in words, with a dot. `link` is 'live', 'lost', 'idle' (nothing to follow) or null (not yet known). */
export const LinkState = ({ link }) => (
    <span class={`link-state ${link ?? ''}`} data-testid="link-state" data-state={link ?? 'waiting'} role="status">
        {link && link !== 'idle' ? t(`link.${link}`) : ''}
    </span>
);

/** While no news come by themselves: what is shown may be old, and from when it is. `isReached`: the shop itself can be asked, and is. */
export const StaleNotice = ({ link, asOf, isReached = false }) =>
    link === 'lost' ? (
        <p class={`notice stale ${isReached ? 'wait' : 'bad'}`} role="alert" data-testid="stale" data-reached={isReached}>
            <Icon name="alert" />
            <span>{t(isReached ? 'stale.asked' : asOf ? 'stale.asOf' : 'stale', asOf ? { time: timeOfDay(asOf) } : {})}</span>
        </p>
    ) : null;

/** A modal dialog; the browser keeps the focus inside and gives it back. Escape, or a touch beside it, closes. */
export class Dialog extends Component {
    componentDidMount() {
        this.node.showModal();
    }

    componentWillUnmount() {
        this.node.close();
    }

    render({ label, onClose, children, testid }) {
        return (
            <dialog ref={(node) => { this.node = node ?? this.node; }} aria-label={label} data-testid={testid}
                onCancel={(event) => { event.preventDefault(); onClose(); }}
                onClick={(event) => { if (event.target === this.node) onClose(); }}>
                <div>{children}</div>
            </dialog>
        );
    }
}

/** A whole number, by touch (less, more) or by typing. `value` is text while it is typed: `null` never happens. */
export const Stepper = ({ label, value, min, max, onChange, testid }) => {
    const n = Number(value);
    const set = (next) => onChange(String(Math.min(max, Math.max(min, next))));
    return (
        <div class="stepper">
            <button class="button round" type="button" aria-label={t('less')} disabled={n <= min} data-testid={`${testid}-less`}
                onClick={() => set((Number.isFinite(n) ? n : min) - 1)}>
                <Icon name="minus" />
            </button>
            <input class="input figures" inputMode="numeric" pattern="[0-9]*" autocomplete="off" aria-label={label} value={value}
                data-testid={testid} onInput={(event) => onChange(event.target.value)} />
            <button class="button round" type="button" aria-label={t('more')} disabled={n >= max} data-testid={`${testid}-more`}
                onClick={() => set((Number.isFinite(n) ? n : min) + 1)}>
                <Icon name="plus" />
            </button>
        </div>
    );
};

/** What a typed whole number means: the number, or null when it is none within the bounds. */
export function wholeNumber(text, min, max) {
    const plain = String(text).trim();
    const n = Number(plain);
    return /^[0-9]{1,16}$/.test(plain) && n >= min && n <= max ? n : null;
}

let speaker = null;

/** Where a page says what has just happened to those who can't see it. One on each page. Never drawn again: Preact would take out the
 *  words, which are not its own. */
export class Announcer extends Component {
    shouldComponentUpdate() {
        return false;
    }

    render() {
        return <div class="unseen" role="status" aria-live="polite" data-testid="announcer" ref={(node) => { speaker = node; }} />;
    }
}

export function announce(text) {
    if (speaker) {
        speaker.textContent = speaker.textContent === text ? `${text}\u00a0` : text;
    }
}
