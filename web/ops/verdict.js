/** What is wrong, as a list of texts' keys with their values, the worst first. Pure. */
import { samples, sum } from './metrics.js';

const SLOW_VIEW_S = 5;
const LONG_WAIT_MS = 600_000;
const MANY_RESTARTS = 3;

function problemsOf(service, look, add) {
    if (look.state === 'down') {
        add(3, `down.${service}`);
        return;
    }
    for (const breaker of samples(look.metrics ?? [], 'coffeeshop_breaker_state')) {
        if (breaker.value === 1) {
            add(2, `breaker.${service}`, { other: breaker.labels.service });
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
}

/** @param watch   {looks, tickets, restarts}
 *  @param latest  the newest figures
 *  Gives [{level, key, values}]; null while nothing is known. */
export function problems({ looks, tickets, restarts }, latest, now) {
    if (!looks) {
        return null;
    }
    const found = [];
    const add = (level, key, values = {}) => found.push({ level, key, values });
    Object.entries(looks).forEach(([service, look]) => problemsOf(service, look, add));
    if (latest.lag > SLOW_VIEW_S) {
        add(2, 'slowView', { seconds: Math.round(latest.lag) });
    }
    if (latest.failed > 0) {
        add(1, 'failing', { n: Math.ceil(latest.failed) });
    }
    const waitsForGoods = (tickets ?? []).filter((ticket) => ticket.status === 'Out of stock');
    if (waitsForGoods.length) {
        add(1, 'outOfStock', { n: waitsForGoods.length, items: [...new Set(waitsForGoods.map((ticket) => ticket.productName))].join(', ') });
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
