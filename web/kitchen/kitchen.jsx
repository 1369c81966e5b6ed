/** The kitchen's display: three lanes, the oldest ticket first. */
import { Component, h } from 'preact';
import { now } from '../shared/clock.js';
import { Icon } from '../shared/icons.jsx';
import { language, nameOf, number, t } from '../shared/language.js';
import { Menu } from '../shared/menu.js';
import { start } from '../shared/start.jsx';
import { announce, Announcer, Bar, StaleNotice } from '../shared/ui.jsx';
import { Board, LANES } from './board.js';
import { allowSound, chime, stayAwake, toggleFullscreen } from './display.js';
import { loadSettings, SettingsDialog, watchSettings } from './settings.jsx';
import { Tile } from './tile.jsx';
import ko from './texts.ko.json';
import en from './texts.en.json';

const AGES_MS = 5_000;
const COUNTING_MS = 250;
const LANE_ICONS = { Ready: 'bell', Producing: 'flame', 'Out of stock': 'box' };

const ageText = (seconds) =>
    seconds < 60 ? t('age.seconds', { n: number(Math.floor(seconds / 5) * 5) }) : t('age.minutes', { n: number(Math.floor(seconds / 60)) });

const toneOf = (seconds, settings) =>
    seconds >= settings.lateMinutes * 60 ? 'late' : seconds >= settings.waitMinutes * 60 ? 'waiting' : 'young';

class Kitchen extends Component {
    constructor() {
        super();
        this.state = { settings: loadSettings(), setting: false, awake: false };
        this.menu = new Menu(() => this.forceUpdate());
        this.board = new Board(() => this.forceUpdate(), (kind, tickets) => this.tell(kind, tickets));
        this.touch = (ticket, status) => this.board.touch(ticket, status);
        this.takeBack = (ticket) => this.board.takeBack(ticket);
    }

    componentDidMount() {
        this.board.start();
        this.menu.start();
        watchSettings((settings) => this.setState({ settings }));
        stayAwake((awake) => this.setState({ awake }));
        addEventListener('pointerdown', () => this.state.settings.sound && allowSound());
        setInterval(() => this.forceUpdate(), AGES_MS);
        setInterval(() => this.board.touched.size && this.forceUpdate(), COUNTING_MS);
    }

    tell(kind, tickets) {
        const [first] = tickets;
        const values = { n: tickets.length, qty: first.qty, name: nameOf(this.menu.items, first.productName), which: first.atCounter ? t('counter', { id: first.id }) : t('order', { id: first.orderId }) };
        announce(t(tickets.length > 1 ? `news.${kind}.many` : `news.${kind}`, values));
        if (kind === 'arrived' && this.state.settings.sound) {
            chime();
        }
    }

    troubleOf(ticket) {
        const trouble = this.board.trouble.get(ticket.id);
        return trouble ? (trouble.why === null ? t('unanswered') : t('said', { detail: trouble.why })) : null;
    }

    renderTile(ticket, gone) {
        const seconds = Math.max(0, (now() - Date.parse(ticket.createdAt)) / 1000);
        const touch = this.board.touched.get(ticket.id);
        return (
            <Tile key={ticket.id} ticket={ticket} lang={language()} name={nameOf(this.menu.items, ticket.productName)} gone={gone}
                stamp={ticket.updatedAt} age={ageText(seconds)} tone={toneOf(seconds, this.state.settings)}
                fresh={this.board.fresh.has(ticket.id)} manual={this.board.isManual()} touch={touch?.status} sending={touch?.sending}
                secondsLeft={touch ? Math.max(1, Math.ceil((touch.sendAt - performance.now()) / 1000)) : null}
                trouble={this.troubleOf(ticket)} onTouch={this.touch} onTakeBack={this.takeBack} />
        );
    }

    renderLane(status) {
        const tickets = this.board.lane(status);
        const gone = this.board.canceled.filter((ticket) => ticket.lane === status);
        return (
            <section class="lane" aria-labelledby={`lane-${LANES.indexOf(status)}`} data-testid="lane" data-lane={status}>
                <h2 id={`lane-${LANES.indexOf(status)}`}>
                    <Icon name={LANE_ICONS[status]} />
                    {t(`lane.${status}`)}
                    <span class="count figures" data-testid="lane-count">{number(tickets.length)}</span>
                </h2>
                <ul class="tiles" tabIndex="0" aria-labelledby={`lane-${LANES.indexOf(status)}`}>
                    {gone.map((ticket) => this.renderTile(ticket, true))}
                    {tickets.map((ticket) => this.renderTile(ticket, false))}
                </ul>
                {this.board.tickets && tickets.length + gone.length === 0 ? <p class="soft lane-empty">{t('lane.empty')}</p> : null}
            </section>
        );
    }

    renderDialog({ settings, awake }) {
        return (
            <SettingsDialog settings={settings} awake={awake} onClose={() => this.setState({ setting: false })}
                onSave={(next) => {
                    if (next.sound) {
                        allowSound();
                    }
                    this.setState({ settings: next, setting: false });
                }} />
        );
    }

    render(_, state) {
        const { link, asOf, kitchen } = this.board;
        return (
            <div class="page">
                <Bar where={t('kitchen')} link={link}>
                    {kitchen ? <span class="badge" data-testid="mode" data-mode={kitchen.mode}>{t(`mode.${kitchen.mode}`)}</span> : null}
                    <button class="button quiet round" type="button" aria-label={t('settings')} data-testid="settings"
                        onClick={() => this.setState({ setting: true })}>
                        <Icon name="settings" />
                    </button>
                    <button class="button quiet round" type="button" aria-label={t('fullscreen')} data-testid="fullscreen" onClick={toggleFullscreen}>
                        <Icon name="expand" />
                    </button>
                </Bar>
                <StaleNotice link={link} asOf={asOf} />
                <main class={`lanes ${link === 'lost' ? 'old' : ''}`}>{LANES.map((status) => this.renderLane(status))}</main>
                <Announcer />
                {state.setting ? this.renderDialog(state) : null}
            </div>
        );
    }
}

start(Kitchen, { ko, en });
