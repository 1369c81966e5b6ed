/** The operator's page: how the shop is, in words first, then in figures with their last hour. */
import { Component, h } from 'preact';
import { now } from '../shared/clock.js';
import { Icon } from '../shared/icons.jsx';
import { nameOf, number, t, timeOfDay } from '../shared/language.js';
import { Menu } from '../shared/menu.js';
import { start } from '../shared/start.jsx';
import { Announcer, Bar } from '../shared/ui.jsx';
import { count, Figure, round } from './figure.jsx';
import { Payments } from './payments.jsx';
import { problems, verdictOf } from './verdict.js';
import { isReached, Watch } from './watch.js';
import ko from './texts.ko.json';
import en from './texts.en.json';

const TONES = ['', 'wait', 'bad', 'bad'];

const seconds = (value) => {
    if (value === null || value === undefined) {
        return '–';
    }
    return value < 1 ? t('ms', { n: round(value * 1000, 0) }) : t('s', { n: round(value, value < 10 ? 1 : 0) });
};

/* What people call it, in the page's language: services, and what is sold. */
function nameIn(menu, key, value) {
    if (key === 'items') {
        return value.map((item) => nameOf(menu, item)).join(', ');
    }
    return key === 'service' || key === 'other' ? t(`service.${value}`) : value;
}

const named = (values, menu) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, nameIn(menu, key, value)]));

const VERDICT_ICONS = { well: 'check', trouble: 'alert', barred: 'alert' };

const Verdict = ({ found, looks, menu, asOf }) => {
    const state = verdictOf(found, looks);
    return (
        <section class="verdict" aria-labelledby="verdict-title" data-testid="verdict" data-verdict={state}>
            <h2 id="verdict-title">
                <Icon name={VERDICT_ICONS[state] ?? 'clock'} />
                <span role="status">{t(`verdict.${isReached(looks) ? state : 'lost'}`)}</span>
            </h2>
            <ul>
                {found.map((one) => (
                    <li key={one.key + JSON.stringify(one.values)} class={`notice ${TONES[one.level]}`} data-testid="problem" data-problem={one.key}>
                        <Icon name="alert" />
                        <span>{t(`problem.${one.key}`, named(one.values, menu))} {one.key === 'unreachable' && asOf ? t('asOf', { time: timeOfDay(asOf) }) : ''}</span>
                    </li>
                ))}
            </ul>
        </section>
    );
};

const STATE_TONES = { up: 'good', down: 'bad', unready: 'bad' };

const Service = ({ name, look, restarts }) => {
    const { state } = look;
    const last = restarts.filter((one) => one.service === name).pop();
    return (
        <li class="card service" data-testid="service" data-service={name} data-state={state}>
            <strong>{t(`service.${name}`)}</strong>
            <span class={`badge ${STATE_TONES[state] ?? ''}`}>{t(`state.${state}`)}</span>
            <span class="soft">{last ? t('restarted', { time: timeOfDay(last.at) }) : ''}</span>
        </li>
    );
};

class Ops extends Component {
    constructor() {
        super();
        this.watch = new Watch(() => this.forceUpdate());
        this.menu = new Menu(() => this.forceUpdate());
    }

    componentDidMount() {
        this.watch.start();
        this.menu.start();
    }

    renderFigures(latest) {
        const { history, restarts, tickets } = this.watch;
        const shared = { history, until: now() };
        const old = (tickets ?? []).filter((ticket) => ticket.status === 'Out of stock').length;
        return (
            <div class="figures-grid">
                <Figure name="orders" value={count(latest.orders)} note={t('note.orders')} names={['orders']} format={count} {...shared} />
                <Figure name="cup" value={seconds(latest.median)} note={Number.isFinite(latest.p99) ? t('note.cup', { p99: seconds(latest.p99) }) : t('note.cup.none')} names={['median', 'p99']}
                    format={seconds} {...shared} />
                <Figure name="waiting" value={count(latest.waiting)} note={t('note.waiting', { n: number(old) })} names={['waiting']} format={count} {...shared} />
                <Figure name="lag" value={seconds(latest.lag)} note={t('note.lag')} names={['lag']} format={seconds} {...shared} />
                <Figure name="rejected" value={count(latest.rejected)} note={t('note.rejected')} names={['rejected']} format={count} {...shared} />
                <Figure name="failed" value={count(latest.failed)} note={t('note.failed')} names={['failed']} format={count} {...shared} />
                <Figure name="restarts" value={number(restarts.length)} note={t('note.restarts')} />
            </div>
        );
    }

    render() {
        const { looks, link, asOf, payments, restarts } = this.watch;
        const latest = this.watch.latest();
        return (
            <div class="page">
                <Bar where={t('ops')} link={link} />
                <main class={link === 'lost' ? 'old' : ''}>
                    <Verdict found={problems(this.watch, latest, now())} looks={looks} menu={this.menu.items} asOf={asOf} />
                    <section aria-labelledby="services-title">
                        <h2 id="services-title">{t('services')}</h2>
                        <ul class="services">
                            {Object.keys(looks).map((name) => <Service key={name} name={name} look={looks[name]} restarts={restarts} />)}
                        </ul>
                    </section>
                    <Payments payments={payments} looks={looks} />
                    <section aria-labelledby="figures-title">
                        <h2 id="figures-title">{t('lastHour')}</h2>
                        {this.renderFigures(latest)}
                    </section>
                </main>
                <Announcer />
            </div>
        );
    }
}

start(Ops, { ko, en });
