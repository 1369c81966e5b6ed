/** What is wrong, as a list of texts' keys with their values, the worst first. Pure. */
import { samples, sum } from './metrics.js';
import { isReached, isWaited } from './watch.js';

const SLOW_VIEW_S = 5;
const LONG_WAIT_MS = 600_000;
const MANY_RESTARTS = 3;

/* What a service says of why it isn't ready, as far as we have better words; anything else is shown as it is. */
const REASONS = [[/\bdisk\b|commits? fail/i, 'disk'], [/\bstopping\b/i, 'stopping']];

function unready(service, reason, add) {
    const [, key] = REASONS.find(([words]) => words.test(reason)) ?? [null, 'unready'];
    add(3, key, { service, reason });
}

function problemsOf(service, look, add) {
    if (look.state === 'down') {
        add(3, `down.${service}`);
        return;
    }
    if (look.state === 'unknown') {
        add(2, 'unknown', { service });
    } else if (look.state === 'unready') {
        unready(service, look.reason, add);
    }
    if (look.fault) {
        add(1, 'fault', { service, fault: look.fault });
    }
    for (const breaker of samples(look.metrics ?? [], 'coffeeshop_breaker_state')) {
        if (breaker.value === 1) {
            add(2, `breaker.${service}.${breaker.labels.service}`, { other: breaker.labels.service });
        }
    }
    for (const follower of samples(look.metrics ?? [], 'coffeeshop_follower_connected')) {
        if (follower.value === 0) {
            add(2, 'notFollowing', { service, other: follower.labels.producer });
        }
    }
    const dead = sum(look.metrics ?? [], 'coffeeshop_dead_letters');
    if (dead > 0) {
        add(1, 'deadLetters', { service, n: dead });
    }
    for (const [name, key] of [['coffeeshop_orders_unpaid_total', 'unpaid'], ['coffeeshop_provider_contradictions_total', 'contradictions']]) {
        const n = sum(look.metrics ?? [], name);
        if (n > 0) {
            add(2, key, { n });
        }
    }
}

/** What is to be said of the whole, in one word: nothing is 'well' that can't be seen.
 *    unknown  somebody hasn't answered yet, or this page can't reach the shop
 *    trouble  (whoever else has still to answer)
 *    well
 *    barred   the services are up, but how they are isn't for this address */
export function verdictOf(found, looks) {
    if (found.some((one) => one.key === 'unreachable')) {
        return 'unknown';
    }
    if (found.some((one) => one.level > 0)) {
        return 'trouble';
    }
    if (isWaited(looks)) {
        return 'unknown';
    }
    return found.some((one) => one.key === 'forbidden') ? 'barred' : 'well';
}

/** @param watch   {looks, tickets, restarts, failures}
 *  @param latest  the newest figures
 *  Gives [{level, key, values}]. */
export function problems({ looks, tickets, restarts, failures }, latest, now) {
    const found = [];
    const add = (level, key, values = {}) => found.push({ level, key, values });
    if (!isReached(looks)) {
        add(3, 'unreachable');
        return found; /* whatever else could be said would be a guess */
    }
    Object.entries(looks).forEach(([service, look]) => problemsOf(service, look, add));
    for (const [service, n] of Object.entries(failures ?? {})) {
        if (n > 0 && !found.some((one) => one.key === 'disk' && one.values.service === service)) {
            add(3, 'commits', { service, n });
        }
    }
    if (latest.lag > SLOW_VIEW_S) {
        add(2, 'slowView', { seconds: Math.round(latest.lag) });
    }
    if (latest.failed > 0) {
        add(1, 'failing', { n: Math.ceil(latest.failed) });
    }
    const waitsForGoods = (tickets ?? []).filter((ticket) => ticket.status === 'Out of stock');
    if (waitsForGoods.length) {
        add(1, 'outOfStock', { n: waitsForGoods.length, items: [...new Set(waitsForGoods.map((ticket) => ticket.productName))] });
    }
    const old = (tickets ?? []).filter((ticket) => ticket.status === 'Ready' && now - Date.parse(ticket.createdAt) > LONG_WAIT_MS);
    if (old.length) {
        add(1, 'longWait', { n: old.length });
    }
    for (const service of Object.keys(looks)) {
        const times = restarts.filter((one) => one.service === service).length;
        if (times >= MANY_RESTARTS) {
            add(2, 'restarting', { service, n: times });
        }
    }
    if (Object.values(looks).some((look) => look.forbidden)) {
        add(0, 'forbidden');
    }
    return found.sort((a, b) => b.level - a.level);
}
