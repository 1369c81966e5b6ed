/** The real shop: `coffeeshop up` on free loopback ports with its data in a directory of its own, and what tests say about coffee. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { eventually, GivenUp } from './eventually.mjs';
import { addressFlags, childrenOf, freePort, PROGRAM, startProgram, wordsOf } from './program.mjs';

export const LONG_MS = 3_600_000; /* a time that no test waits for */

/** Coffee at once. */
export const QUICK = { 'product.start_after_ms': 0, 'product.brew_ms': 0 };
/** Nothing starts by itself: there is time to change one's mind for as long as a test lasts. */
export const PATIENT = { 'product.start_after_ms': LONG_MS, 'product.brew_ms': 0 };
/** Production starts at once and never ends. */
export const SLOW_BREW = { 'product.start_after_ms': 0, 'product.brew_ms': LONG_MS };
/** A barista starts and finishes. */
export const MANUAL = { 'product.mode': 'manual' };
/** What is killed stays away until a page has noticed. */
export const SLOW_RESTART = { 'up.backoff_ms': 2_500 };
/** What is killed does not come back, not while a test lasts. */
export const NO_RESTART = { 'up.backoff_ms': 60_000, 'up.backoff_max_ms': 600_000 };

export class Shop {
    /** Starts a shop and gives it when every service can be asked. `menu`: what is sold, as the file has it; else the built-in one. */
    static async open(settings = {}, menu = null) {
        for (;;) {
            const shop = new Shop();
            try {
                await shop.#start(settings, menu);
                return shop;
            } catch (error) {
                await shop.close();
                if (!/Address already in use/.test(error.message)) {
                    throw error;
                } /* somebody was faster at a port that was free a moment ago: there are others */
            }
        }
    }

    async #start(settings, menu) {
        this.directory = mkdtempSync(path.join(os.tmpdir(), 'coffeeshop-browser-'));
        this.log = path.join(this.directory, 'up.log');
        this.ports = {};
        const flags = addressFlags();
        for (const { service } of flags.filter((flag) => flag.listens)) {
            this.ports[service] = await freePort();
        }
        const addresses = flags.map(({ flag, service, listens }) =>
            `--${flag}=${listens ? `127.0.0.1:${this.ports[service]}` : this.urlOf(service)}`);
        const words = { data: path.join(this.directory, 'data'), 'feed.heartbeat_ms': 250, ...settings };
        if (menu) {
            words.menu = path.join(this.directory, 'menu.json');
            writeFileSync(words.menu, JSON.stringify(menu));
        }
        this.addresses = addresses;
        this.words = words;
        await this.#run();
    }

    /** The shop is closed and opened again, on the same addresses with the same data, and with other settings. */
    async reopen(settings) {
        await this.#stop();
        Object.assign(this.words, settings);
        await this.#run();
    }

    async #run() {
        writeFileSync(this.log, '');
        this.up = startProgram(['up', ...this.addresses, ...Object.entries(this.words).map(([name, value]) => `--${name}=${value}`)], this.log);
        this.ended = once(this.up, 'exit');
        for (const service of this.services) {
            await this.waitReady(service);
        }
        /* Somebody else's shop at a port that we lost to it would be ready, too: only our own says here that it listens. */
        await eventually('every service listens', () => {
            this.#mustRun();
            return this.services.every((service) => this.output().includes(`address=127.0.0.1:${this.ports[service]} `) && this.pidOf(service));
        });
    }

    #mustRun() {
        if (this.up.exitCode !== null) {
            throw new GivenUp(`${PROGRAM} ended with ${this.up.exitCode}: ${this.output().slice(-3000)}`);
        }
    }

    get services() {
        return Object.keys(this.ports);
    }

    get url() {
        return this.urlOf('gateway');
    }

    urlOf(service) {
        return `http://127.0.0.1:${this.ports[service]}`;
    }

    output() {
        return readFileSync(this.log, 'utf8');
    }

    async waitReady(service, within = 30_000) {
        await eventually(`${service} is ready`, async () => {
            this.#mustRun();
            return (await fetch(`${this.urlOf(service)}/readyz`)).status === 200;
        }, { within });
    }

    /** The process of a service, or undefined while it is down. */
    pidOf(service) {
        return childrenOf(this.up.pid).find((pid) => wordsOf(pid).slice(0, 3).includes(service));
    }

    /** SIGKILL: nothing is tidied up. The supervisor starts it again, after the shop's `up.backoff_ms`. */
    async kill(service) {
        const pid = this.pidOf(service);
        assert.ok(pid, `${service} runs`);
        process.kill(pid, 'SIGKILL');
        await eventually(`${service} is gone`, () => this.pidOf(service) !== pid);
    }

    /** SIGSTOP and SIGCONT: it takes connections and answers nobody, like a machine that hangs. */
    pause(service) {
        process.kill(this.pidOf(service), 'SIGSTOP');
    }

    resume(service) {
        process.kill(this.pidOf(service), 'SIGCONT');
    }

    async #stop() {
        if (this.up.exitCode === null) {
            this.up.kill('SIGTERM');
        }
        const overdue = setTimeout(() => this.up.kill('SIGKILL'), 15_000);
        await this.ended;
        clearTimeout(overdue);
    }

    async close() {
        await this.#stop();
        rmSync(this.directory, { recursive: true, force: true });
    }

    /** Asks the shop through its gateway and gives {status, headers, body}. */
    async ask(method, where, body = undefined, headers = {}) {
        const answer = await fetch(this.url + where, {
            method,
            headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        const isJson = /json/.test(answer.headers.get('Content-Type') ?? '');
        return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
    }

    /** The same, and it has to succeed; gives the body. */
    async must(method, where, body, headers) {
        const answer = await this.ask(method, where, body, headers);
        assert.ok(answer.status < 300, `${method} ${where}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer.body;
    }

    /** Every element of a collection, page by page. */
    async all(collection) {
        const elements = [];
        for (let number = 0; ; number++) {
            const body = await this.must('GET', `/${collection}?page=${number}&size=1000&sort=id`);
            elements.push(...body._embedded[collection]);
            if (number + 1 >= body.page.totalPages) {
                return elements;
            }
        }
    }

    order(productName = 'Americano', qty = 1, headers = {}) {
        return this.must('POST', '/orders', { productName, qty }, headers);
    }

    getOrder(id) {
        return this.must('GET', `/orders/${id}`);
    }

    waitOrder(id, status) {
        return eventually(`order ${id} is ${status}`, async () => {
            const order = await this.getOrder(id);
            if (order.status !== status) {
                throw new Error(`it is ${order.status}`);
            }
            return order;
        });
    }

    /** The kitchen's ticket of an order, when it has arrived there. */
    ticketOf(orderId) {
        return eventually(`order ${orderId} has a ticket`, async () =>
            (await this.must('GET', `/products/search/findByOrderId?orderId=${orderId}`))._embedded.products[0]);
    }

    /** The barista's step: Producing or Completed. */
    workOn(ticketId, status) {
        return this.must('PATCH', `/products/${ticketId}`, { status });
    }

    cancel(orderId) {
        return this.must('PATCH', `/orders/${orderId}`, { status: 'Canceled' });
    }

    async stockOf(item) {
        const row = (await this.all('stocks')).find((one) => one.productName === item);
        assert.ok(row, `stock is kept of ${item}`);
        return row;
    }

    async setStock(item, qty) {
        return this.must('PATCH', `/stocks/${(await this.stockOf(item)).id}`, { qty });
    }

    receive(item, qty) {
        return this.must('POST', '/stocks/receive', { productName: item, qty });
    }

    waitSoldOut(item, soldOut = true) {
        return eventually(`${item} is ${soldOut ? '' : 'not '}sold out`, async () =>
            (await this.must('GET', '/menu'))._embedded.menu.find((one) => one.name === item).soldOut === soldOut);
    }
}
