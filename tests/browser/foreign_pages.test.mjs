/** A page that isn't the shop's, in the browser of somebody who can reach the shop: it changes nothing and reads nothing. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import net from 'node:net';
import { after, before } from 'node:test';
import { launchChromium } from './lib/chromium.mjs';
import { eventually } from './lib/eventually.mjs';
import { attack, triesAt } from './lib/foreign_page.mjs';
import { openShop } from './lib/scenario.mjs';
import { PATIENT } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const street = openShop(PATIENT);

/* `till` is a name without a dot, as in a shop's own network: plain http, so the browser sends no Sec-Fetch-Site there. */
const NAMES = ['evil.example', 'till'];
const OWNERS = {
    gateway: ['/orders', '/products', '/stocks', '/mypages', '/menu', '/'],
    order: ['/orders', '/menu'],
    product: ['/products'],
    stock: ['/stocks'],
    customercenter: ['/mypages', '/menu'],
};

let browser = null;
let stranger = null; /* a web server that has nothing to do with the shop */
let strangersPort = 0;

before(async () => {
    browser = await launchChromium([`--host-resolver-rules=${NAMES.map((name) => `MAP ${name} 127.0.0.1`).join(', ')}`]);
    stranger = createServer((request, response) => {
        /* in a sandbox a page has no origin at all: `Origin: null` */
        const more = request.url === '/sandboxed' ? { 'Content-Security-Policy': 'sandbox allow-scripts allow-forms' } : {};
        response.writeHead(200, { 'Content-Type': 'text/html', ...more });
        response.end('<!doctype html><title>A stranger’s page</title><body>');
    });
    await new Promise((resolve) => { stranger.listen(0, '127.0.0.1', resolve); });
    strangersPort = stranger.address().port;
});

after(async () => {
    await browser?.close();
    stranger?.closeAllConnections();
    stranger?.close();
});

/** Everything that a stranger could have changed. */
async function stateOf(shop) {
    const [orders, products, stocks] = [await shop.all('orders'), await shop.all('products'), await shop.all('stocks')];
    const movements = await Promise.all(stocks.map(({ id }) => shop.must('GET', `/stocks/${id}/movements`).then((body) => body._embedded.movements)));
    return { orders, products, stocks, movements };
}

async function somethingToHurt(shop) {
    const order = await shop.order('Americano', 2);
    const ticket = await shop.ticketOf(order.id);
    const { id: stock } = await shop.stockOf('Americano');
    await eventually('the view has it', async () => (await shop.ask('GET', `/mypages/${order.id}`)).status === 200);
    return { order: order.id, ticket: ticket.id, stock };
}

/** The page `at` tries all of it at `url`. Gives {read, outcome}: what it could read; of each try the status, or 'failed'. */
async function tryAll(at, url, tries) {
    const context = await browser.newContext();
    const outcome = new Map();
    const note = (what) => (request) => {
        const n = request.method() === 'OPTIONS' ? null : new URL(request.url()).searchParams.get('attack');
        if (n !== null && !outcome.has(Number(n))) {
            outcome.set(Number(n), what(request));
        }
    };
    context.on('response', (response) => note(() => response.status())(response.request()));
    context.on('requestfailed', note(() => 'failed'));
    try {
        const page = await context.newPage();
        await page.goto(at);
        const read = await page.evaluate(attack, { url, tries });
        await eventually('the browser has an answer to each try, or has refused it', () => outcome.size === tries.length, { within: 30_000 })
            .catch((error) => assert.fail(`${error.message}; not: ${JSON.stringify(tries.filter(({ n }) => !outcome.has(n)))}`));
        return { read, outcome };
    } finally {
        await context.close();
    }
}

/* A browser asks first before it sends these for another origin's page, and nobody says yes. */
const ASKED_FIRST = ['preflight', 'credentials', 'xhr', 'beacon-json'];

function assertRefused(tries, { read, outcome }) {
    assert.deepEqual(read, []);
    for (const { n, how, method, path } of tries.filter((one) => one.method !== 'GET')) {
        assert.equal(outcome.get(n), ASKED_FIRST.includes(how) ? 'failed' : 403, `${method} ${path} by ${how}`);
    }
}

const PAGES = {
    'another port of the same host': () => `http://127.0.0.1:${strangersPort}/`,
    'another host': () => `http://evil.example:${strangersPort}/`,
    'a page without an origin': () => `http://evil.example:${strangersPort}/sandboxed`,
};

for (const [whose, page] of Object.entries(PAGES)) {
    for (const [host, where] of [['127.0.0.1', 'the shop’s address'], ['till', 'the shop’s name in its network']]) {
        street.scenario(`${whose}: nothing changes and nothing can be read at the gateway and the services, by ${where}`, async ({ shop, tell }) => {
            const ids = await somethingToHurt(shop);
            const before = await stateOf(shop);
            for (const [service, paths] of Object.entries(OWNERS)) {
                const tries = triesAt(paths, ids);
                const told = await tryAll(page(), `http://${host}:${shop.ports[service]}`, tries);
                assertRefused(tries, told);
                tell(`${service}: ${tries.length} tries`);
            }
            assert.deepEqual(await stateOf(shop), before);
        });
    }
}

/** A stranger's server whose name is led to the shop's address once its page is there (DNS rebinding). To browser and shop that is:
 *  the page, and from then on the shop's own answers, under the stranger's name and port. Gives {url, close()}. */
async function ledTo(port) {
    const sockets = new Set();
    const server = net.createServer((client) => {
        sockets.add(client);
        client.on('error', () => {}).on('close', () => sockets.delete(client));
        client.once('data', (head) => {
            if (/^GET \/strangers-page /.test(head)) {
                const page = '<!doctype html><title>A stranger’s page</title><body>';
                client.end(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${Buffer.byteLength(page)}\r\nConnection: close\r\n\r\n${page}`);
                return;
            }
            const shop = net.connect(port, '127.0.0.1');
            shop.on('error', () => client.destroy());
            shop.write(head);
            client.pipe(shop).pipe(client);
        });
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const close = () => {
        sockets.forEach((socket) => socket.destroy());
        server.close();
    };
    return { url: `http://evil.example:${server.address().port}`, close };
}

street.scenario('a page whose name is led to the shop’s address later is not the shop’s, though its origin is', async ({ shop }) => {
    const ids = await somethingToHurt(shop);
    const before = await stateOf(shop);
    for (const [service, paths] of Object.entries(OWNERS)) {
        const tries = triesAt(paths, ids);
        const { url, close } = await ledTo(shop.ports[service]);
        try {
            const told = await tryAll(`${url}/strangers-page`, url, tries);
            for (const { n, method, path, how } of tries) {
                assert.equal(told.outcome.get(n), 421, `${service}: ${method} ${path} by ${how}`);
            }
            assert.deepEqual(told.read.filter(({ text }) => !/"status":421/.test(text)), [], 'that it isn’t the shop’s is all it is told');
        } finally {
            close();
        }
    }
    assert.deepEqual(await stateOf(shop), before);
});

street.scenario('what doesn’t say that it is JSON changes nothing, whoever’s page sends it', async ({ shop }) => {
    const before = await stateOf(shop);
    const tries = triesAt(OWNERS.gateway, { order: 1, ticket: 1, stock: 1 }).filter(({ how }) => ['blob', 'text', 'urlencoded', 'multipart', 'keepalive', 'beacon-blob', 'beacon-text'].includes(how));
    const { outcome } = await tryAll(`${shop.url}/`, shop.url, tries);
    for (const { n, how, path } of tries) {
        assert.equal(outcome.get(n), 415, `POST ${path} by ${how}`);
    }
    assert.deepEqual(await stateOf(shop), before);
});

street.scenario('the same asked for by the shop’s own page is done: there is something to refuse', async ({ shop, visit }) => {
    const ids = await somethingToHurt(shop);
    const before = await stateOf(shop);
    const { page } = await CustomerPage.open(await visit());
    const tries = triesAt(OWNERS.gateway, ids).filter(({ how, path }) => ['preflight', 'fetch', 'stream'].includes(how) && path !== '/products');
    const read = await page.evaluate(attack, { url: shop.url, tries });
    assert.deepEqual(read.filter(({ how }) => how !== 'preflight').map(({ n }) => n), tries.filter(({ how }) => how !== 'preflight').map(({ n }) => n), 'all of it can be read');
    const now = await stateOf(shop);
    assert.equal(now.orders.length, before.orders.length + 1);
    assert.equal(now.orders.find(({ id }) => id === ids.order).status, 'Canceled');
    const onHand = (state, name) => state.stocks.find((one) => one.productName === name)?.qty;
    assert.deepEqual([onHand(now, 'Mocha'), onHand(now, 'Tea')], [onHand(before, 'Mocha') + 5_000, onHand(before, 'Tea') - 50]);
    assert.equal(now.stocks.some(({ id }) => id === ids.stock), false, 'it is no longer kept');
});
