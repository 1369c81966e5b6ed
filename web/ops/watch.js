/** Collects the shop's figures while the page is open: asks every five seconds, remembers an hour on this device. */
import * as api from '../shared/api.js';
import { now } from '../shared/clock.js';
import { recall, remember } from '../shared/storage.js';
import { bucketGrowth, buckets, growth, parseMetrics, quantile, samples, sum } from './metrics.js';
import { isSummary } from './payments.js';

const SERVICES = ['order', 'product', 'stock', 'customercenter'];
export const STEP_MS = 5_000;
const HOUR_MS = 3_600_000;
const RATE_OVER_MS = 60_000; /* what "a minute" is measured over */
const TIMES_OVER_MS = 300_000; /* what medians are taken of */
const REMEMBER_EVERY = 6;
const REST = 20; /* adding up a day of a million payments takes payment seconds: it is asked for a twentieth of the time at most */

/** The figures of one moment, as they are kept and drawn. */
export const FIGURES = ['orders', 'median', 'p99', 'waiting', 'lag', 'rejected', 'failed'];

/* Not answered yet. */
const WAITING = { state: 'waiting', metrics: null, forbidden: false };

/** One service: {state, reason (api.health), metrics: [] | null, forbidden}. */
async function look(service) {
    const [health, metrics] = await Promise.all([
        api.health(service),
        api.metrics(service).then(parseMetrics, (why) => (why.status === 403 ? 'forbidden' : null)),
    ]);
    const isService = Array.isArray(metrics) && samples(metrics, 'process_start_time_seconds').length > 0; /* else a stranger's answer */
    return { ...health, metrics: isService ? metrics : null, forbidden: metrics === 'forbidden' };
}

/** Whether orders have to be paid before they exist: order asks payment then. Null: it can't be seen. */
export const isPaid = (looks) => looks.order.metrics && samples(looks.order.metrics, 'coffeeshop_breaker_state', { service: 'payment' }).length > 0;

/** What is known of the day's payments, where `paid` says whether there are any:
 *    {state: 'known', summary}
 *    {state: 'counter'}    nobody pays here but at the counter
 *    {state: 'forbidden'}  it isn't for this address
 *    {state: 'unknown'}    nobody who would know can be asked */
export async function paymentsOf(paid, looks) {
    if (isPaid(looks) === false) {
        return { state: 'counter' };
    }
    if (!paid || looks.payment?.state === 'down') {
        return { state: looks.order.forbidden ? 'forbidden' : 'unknown' };
    }
    try {
        const summary = await api.paymentSummary();
        return isSummary(summary) ? { state: 'known', summary } : { state: 'unknown' };
    } catch (why) {
        return { state: why.status === 403 ? 'forbidden' : 'unknown' };
    }
}

const isKnown = (look) => look.state !== 'unknown' || look.metrics;

/** Whether anything of the shop is known, or may be soon: a service that the gateway is being asked about, or was, in vain or not. */
export const isReached = (looks) => Object.values(looks).some(isKnown);

/** Whether some haven't been heard of yet. */
export const isWaited = (looks) => Object.values(looks).some((one) => one.state === 'waiting');

/** How many commits of each service failed, between two looks; nothing of what was not to be had. */
export function failuresOf(before, after) {
    return Object.fromEntries(Object.keys(after?.commits ?? {}).filter((name) => before?.commits[name] !== undefined)
        .map((name) => [name, growth(before.commits[name], after.commits[name])]));
}

/** Counters as they stand, of a look at everything. */
export function countersOf(looks, orders) {
    const all = Object.values(looks).flatMap((one) => one.metrics ?? []);
    const view = looks.customercenter.metrics;
    return {
        orders,
        rejected: sum(all, 'coffeeshop_http_requests_total', { code: '4xx' }),
        failed: sum(all, 'coffeeshop_http_requests_total', { code: '5xx' }) + sum(all, 'coffeeshop_call_failures_total'),
        cups: view ? buckets(view, 'coffeeshop_order_to_cup_seconds') : null,
        lags: view ? buckets(view, 'coffeeshop_view_lag_seconds') : null,
        commits: Object.fromEntries(Object.entries(looks).filter(([, one]) => one.metrics)
            .map(([name, one]) => [name, sum(one.metrics, 'coffeeshop_writer_failures_total')])),
        whole: Object.values(looks).every((one) => one.metrics),
    };
}

/** Figures from two sets of counters, `ms` apart. What was not to be had is null. */
export function figuresOf(before, after, ms, longBefore) {
    const perMinute = (name) =>
        before && before[name] !== null && after[name] !== null ? (growth(before[name], after[name]) * 60_000) / ms : null;
    const cups = after.cups && longBefore?.cups ? bucketGrowth(longBefore.cups, after.cups) : [];
    const lags = after.lags && before?.lags ? bucketGrowth(before.lags, after.lags) : [];
    return {
        orders: perMinute('orders'),
        rejected: after.whole && before?.whole ? perMinute('rejected') : null,
        failed: after.whole && before?.whole ? perMinute('failed') : null,
        median: quantile(cups, 0.5),
        p99: quantile(cups, 0.99),
        lag: quantile(lags, 0.99),
    };
}

export class Watch {
    constructor(onChange) {
        this.onChange = onChange;
        this.answers = {}; /* service: look, as far as they have come */
        this.paid = recall('ops-paid', null); /* whether payment is one of them; null: not known */
        this.payments = { state: 'waiting' };
        this.paymentsRest = 0; /* until then (stop-watch) they needn't be asked for again */
        this.history = recall('ops', []); /* [{at, …figures}], oldest first */
        this.restarts = recall('ops-restarts', []); /* [{at, service}] */
        this.starts = recall('ops-starts', {}); /* service: when its process began */
        this.counters = []; /* [{at, …counters}] of the last minutes */
        this.failures = {}; /* service: commits that failed in the last minute */
        this.tickets = null;
        this.link = null;
        this.asOf = null;
        this.turns = 0;
    }

    start() {
        const turn = async () => {
            const began = performance.now();
            await this.#turn();
            setTimeout(turn, Math.max(STEP_MS - (performance.now() - began), 500));
        };
        turn();
        addEventListener('pagehide', () => this.#remember());
    }

    latest() {
        return this.history[this.history.length - 1] ?? {};
    }

    /** service: look, of all that belong to the shop. */
    get looks() {
        const services = this.paid ? [...SERVICES, 'payment'] : SERVICES;
        return Object.fromEntries(services.map((service) => [service, this.answers[service] ?? WAITING]));
    }

    #see(answers) {
        this.answers = { ...this.answers, ...answers };
        this.paid = isPaid(this.looks) ?? this.paid;
        this.onChange();
    }

    /* Each is shown as it answers: one that hangs doesn't hide the others. Where nobody has said anything the way there may be cut,
     * and that is told by all of them. */
    async #look() {
        const asked = this.paid === false ? SERVICES : [...SERVICES, 'payment'];
        const silent = {};
        await Promise.all(asked.map(async (service) => {
            const found = await look(service);
            if (isKnown(found)) {
                this.#see({ [service]: found });
            } else {
                silent[service] = found;
            }
        }));
        this.link = Object.keys(silent).length < asked.length ? 'live' : 'lost';
        if (this.link === 'live') {
            this.asOf = now();
        }
        this.#see(silent);
    }

    async #turn() {
        const [, orders, tickets] = await Promise.all([
            this.#look(),
            api.orderCount().catch(() => null),
            api.openTicketsSeen().catch(() => null),
        ]);
        this.tickets = tickets;
        await this.#askPayments(this.looks);
        this.#take(now(), orders);
        this.onChange();
    }

    async #askPayments(looks) {
        const began = performance.now();
        if (this.payments.state === 'known' && looks.payment?.state === 'up' && began < this.paymentsRest) {
            return;
        }
        this.payments = await paymentsOf(this.paid, looks);
        this.paymentsRest = performance.now() + (performance.now() - began) * REST;
    }

    #take(at, orders) {
        const after = { at, ...countersOf(this.looks, orders) };
        const since = (ms) => this.counters.find((one) => one.at >= at - ms - STEP_MS / 2);
        const before = since(RATE_OVER_MS);
        const figures = figuresOf(before, after, before ? at - before.at : 1, since(TIMES_OVER_MS));
        this.failures = failuresOf(before, after);
        this.counters = [...this.counters.filter((one) => one.at > at - TIMES_OVER_MS - STEP_MS), after];
        const waiting = this.tickets ? this.tickets.filter((ticket) => ticket.status !== 'Producing').length : null;
        this.history = [...this.history.filter((one) => one.at > at - HOUR_MS && one.at < at), { at, ...figures, waiting }];
        this.#noteRestarts(at);
        if (++this.turns % REMEMBER_EVERY === 0) {
            this.#remember();
        }
    }

    #noteRestarts(at) {
        const looks = this.looks;
        for (const service of Object.keys(looks)) {
            const began = samples(looks[service].metrics ?? [], 'process_start_time_seconds')[0]?.value;
            if (began === undefined) {
                continue;
            }
            if (this.starts[service] !== undefined && this.starts[service] !== began) {
                this.restarts = [...this.restarts, { at: began * 1000, service }];
            }
            this.starts[service] = began;
        }
        this.restarts = this.restarts.filter((one) => one.at > at - HOUR_MS);
    }

    #remember() {
        remember('ops', this.history);
        remember('ops-paid', this.paid);
        remember('ops-restarts', this.restarts);
        remember('ops-starts', this.starts);
    }
}
