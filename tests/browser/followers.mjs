/** Many people who watch their orders: opens live followers of /mypages/stream, lets orders happen, and says what each costs.
 *
 *      node followers.mjs [FOLLOWERS] [ORDERS]        with a shop of its own
 *
 *  Each follower is one connection through the gateway, as a browser makes it. */
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { eventually } from './lib/eventually.mjs';
import { childrenOf, usageOf } from './lib/program.mjs';
import { QUICK, Shop } from './lib/shop.mjs';

/** One follower: counts whole messages; `orders` has how many changes of each order it has seen. */
class Follower {
    constructor(url, agent) {
        this.messages = 0;
        this.orders = new Map();
        this.broken = null;
        this.rest = '';
        this.isOpen = new Promise((resolve, reject) => {
            this.request = http.get(`${url}/mypages/stream`, { agent, headers: { Accept: 'text/event-stream' } }, (answer) => {
                if (answer.statusCode !== 200) {
                    reject(new Error(`a follower got ${answer.statusCode}`));
                    return;
                }
                answer.setEncoding('utf8');
                answer.on('data', (text) => this.#hear(text));
                answer.on('close', () => { this.broken ??= 'the stream ended'; });
                resolve();
            });
            this.request.on('error', (error) => {
                this.broken ??= error.message;
                reject(error);
            });
        });
    }

    #hear(text) {
        const parts = (this.rest + text).split('\n\n');
        this.rest = parts.pop();
        for (const part of parts) {
            const data = part.split('\n').find((line) => line.startsWith('data:'));
            if (data) {
                this.messages++;
                const [, id] = data.match(/"orderId":\s*(\d+)/);
                const [, status] = data.match(/"orderStatus":\s*"([^"]*)"/);
                this.orders.set(Number(id), status);
            }
        }
    }

    hasSeen(ids, status) {
        return ids.every((id) => this.orders.get(id) === status);
    }

    leave() {
        this.broken ??= 'left';
        this.request.destroy();
    }
}

/** What the view's process and the gateway's (nginx and its workers) have used until now. */
function usage(shop) {
    const gateway = shop.pidOf('gateway');
    const all = (pid) => [pid, ...childrenOf(pid).flatMap(all)];
    const sum = (pids) => pids.map(usageOf).reduce((a, b) =>
        ({ cpuMs: a.cpuMs + b.cpuMs, memoryKb: a.memoryKb + b.memoryKb, files: a.files + b.files }));
    return { view: usageOf(shop.pidOf('customercenter')), gateway: sum(all(gateway)) };
}

const grown = (before, after) => Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));

/** Gives {lines: what to tell, missed: how many followers did not see everything, messages}. */
export async function watchTogether(shop, followers, orders) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
    const before = usage(shop);
    const began = performance.now();
    const all = Array.from({ length: followers }, () => new Follower(shop.url, agent));
    try {
        await Promise.all(all.map((one) => one.isOpen));
        const opened = performance.now();
        const open = usage(shop);
        const ids = (await Promise.all(Array.from({ length: orders }, () => shop.order('Americano')))).map(({ id }) => id);
        await Promise.all(ids.map((id) => shop.waitOrder(id, 'Completed')));
        await eventually('every follower has seen every order completed', () =>
            all.every((one) => one.hasSeen(ids, 'Completed')), { within: 60_000 });
        const told = performance.now();
        const after = usage(shop);
        const [idle, busy] = ['view', 'gateway'].reduce(([a, b], name) =>
            [{ ...a, [name]: grown(before[name], open[name]) }, { ...b, [name]: grown(open[name], after[name]) }], [{}, {}]);
        const messages = all.reduce((sum, one) => sum + one.messages, 0);
        const each = (kb) => `${(kb / followers).toFixed(1)} KB`;
        return {
            messages,
            missed: all.filter((one) => one.broken || !one.hasSeen(ids, 'Completed')).length,
            lines: [
                `${followers} followers connected within ${Math.round(opened - began)} ms`,
                `an open follower costs ${each(idle.view.memoryKb)} in the view and ${each(idle.gateway.memoryKb)} in the gateway, `
                    + `${(idle.view.files / followers).toFixed(2)} and ${(idle.gateway.files / followers).toFixed(2)} open files`,
                `${orders} orders made ${messages} messages in ${Math.round(told - opened)} ms: ${((busy.view.cpuMs * 1000) / messages).toFixed(1)} µs `
                    + `of CPU a message in the view, ${((busy.gateway.cpuMs * 1000) / messages).toFixed(1)} µs in the gateway`,
            ],
        };
    } finally {
        all.forEach((one) => one.leave());
        agent.destroy();
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const [followers, orders] = [Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 20)];
    const shop = await Shop.open({ ...QUICK, 'customercenter.max_streams': followers + 100, 'gateway.max_connections': 4 * followers + 1000 });
    try {
        const { lines, missed } = await watchTogether(shop, followers, orders);
        lines.forEach((line) => console.log(line));
        process.exitCode = missed ? 1 : 0;
    } finally {
        await shop.close();
    }
}
