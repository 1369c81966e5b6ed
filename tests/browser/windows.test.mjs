/** Several windows of one browser: one stream for all of them, one list of orders, and what is forgotten stays forgotten. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop({ ...MANUAL, 'customercenter.heartbeat_ms': 500 });

/** How many streams the view serves: of all browsers, once it has noticed who went. */
async function streams(shop) {
    const text = await (await fetch(`${shop.urlOf('customercenter')}/metrics`)).text();
    return Number(text.match(/^coffeeshop_view_streams (\d+)$/m)[1]);
}

const waitStreams = (shop, n) => eventually(`the view serves ${n} streams`, async () => {
    const now = await streams(shop);
    if (now !== n) {
        throw new Error(`it serves ${now}`);
    }
    return true;
});

async function openWindows(visitor, where, n) {
    const pages = [];
    for (let i = 0; i < n; i++) {
        pages.push(new CustomerPage(visitor, await visitor.openWindow(where)));
    }
    return pages;
}

/** As when another tab lies before it, or it is minimised; a headless browser shows all of its windows. */
const show = (page, isShown) => page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    Object.defineProperty(document, 'hidden', { value: state === 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}, isShown ? 'visible' : 'hidden');

scenario('in eight windows of one browser everybody can order, live, by one stream', async ({ shop, visit }) => {
    const visitor = await visit({ device: 'desktop' });
    const first = await CustomerPage.open(visitor);
    const id = await first.orderAndRead('Latte');
    const others = await openWindows(visitor, '/', 5);
    const displays = [await visitor.openWindow('/kitchen'), await visitor.openWindow('/stock')];
    for (const one of [first, ...others]) {
        await one.see(id, 'Requested');
        await one.link('live');
    }
    for (const display of displays) {
        await display.locator('[data-testid=link-state][data-state=live]').waitFor({ state: 'attached' });
    }
    await waitStreams(shop, 1);
    const sixth = await others[4].orderAndRead('Tea');
    for (const one of [first, ...others]) {
        await one.see(sixth, 'Requested');
    }
    const ticket = await shop.ticketOf(id);
    await shop.workOn(ticket.id, 'Producing');
    for (const one of [first, ...others]) {
        await one.see(id, 'Producing');
    }
    assert.equal(await streams(shop), 1);
});

scenario('when the window that has the stream is closed another one goes on with it, and nothing is missed', async ({ shop, visit }) => {
    const visitor = await visit({ device: 'desktop' });
    const windows = [await CustomerPage.open(visitor)];
    const id = await windows[0].orderAndRead('Mocha');
    windows.push(...await openWindows(visitor, '/', 2));
    for (const one of windows) {
        await one.link('live');
    }
    await waitStreams(shop, 1);
    const ticket = await shop.ticketOf(id);
    for (const status of ['Producing', 'Completed']) {
        await windows.shift().page.close(); /* the first one leads, then whoever took over, or not: either way the last one hears */
        await shop.workOn(ticket.id, status);
        for (const one of windows) {
            await one.see(id, status);
        }
    }
});

scenario('a window that is frozen, or says nothing any more, is followed by another one', async ({ shop, visit }) => {
    const visitor = await visit({ device: 'desktop' });
    const leader = await CustomerPage.open(visitor);
    const id = await leader.orderAndRead('Espresso');
    await leader.link('live');
    const [second] = await openWindows(visitor, '/', 1);
    await second.link('live');
    const session = await visitor.context.newCDPSession(leader.page);
    await session.send('Debugger.enable');
    await session.send('Debugger.pause');
    leader.page.evaluate(() => {}).catch(() => {}); /* something to stop at */
    const ticket = await shop.ticketOf(id);
    await waitStreams(shop, 2); /* the stopped one's own is still open */
    await shop.workOn(ticket.id, 'Producing');
    await second.see(id, 'Producing');
    await session.send('Debugger.disable');
    await leader.see(id, 'Producing');
    await waitStreams(shop, 1);
});

scenario('a hidden window has no stream, and is right again when it is looked at', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const id = await customer.orderAndRead('Americano');
    await customer.link('live');
    await waitStreams(shop, 1);
    await show(customer.page, false);
    await waitStreams(shop, 0);
    const ticket = await shop.ticketOf(id);
    await shop.workOn(ticket.id, 'Producing');
    await shop.waitOrder(id, 'Producing');
    await show(customer.page, true);
    await customer.see(id, 'Producing');
    await customer.link('live');
    await waitStreams(shop, 1);
});

scenario('an order without an answer is not lost by ordering in another window', async ({ shop, visit }) => {
    const visitor = await visit();
    const one = await CustomerPage.open(visitor);
    const two = new CustomerPage(visitor, await visitor.openWindow('/'));
    await two.menuItem('Americano').waitFor();
    const before = (await shop.all('orders')).length;
    const unanswered = (route) => (route.request().method() === 'POST' ? route.abort('internetdisconnected') : route.continue());
    await one.page.route('**/orders', unanswered);
    await one.order('Tea', 2);
    await one.page.locator('[data-testid=pending][data-phase=waiting]').waitFor();
    await two.at('pending').waitFor(); /* it is one list */
    await two.page.route('**/orders', unanswered);
    await two.order('Mocha');
    await eventually('both are remembered', () => two.page.evaluate(() => JSON.parse(localStorage.getItem('coffeeshop.pending')).length === 2));
    await one.page.close();
    await two.page.unroute('**/orders', unanswered);
    await eventually('both have arrived, each once', async () => (await shop.all('orders')).length === before + 2);
    await eventually('both are shown', async () => (await two.numbers()).length === 2);
    const placed = (await shop.all('orders')).slice(-2).map(({ productName, qty }) => `${qty} ${productName}`).sort();
    assert.deepEqual(placed, ['1 Mocha', '2 Tea']);
});

scenario('what is forgotten in one window is gone from all, also from one that comes back later', async ({ shop, visit }) => {
    const visitor = await visit();
    const one = await CustomerPage.open(visitor);
    const id = await one.orderAndRead('Cappuccino');
    const ticket = await shop.ticketOf(id);
    await shop.workOn(ticket.id, 'Producing');
    await shop.workOn(ticket.id, 'Completed');
    await one.see(id, 'Completed');
    const two = new CustomerPage(visitor, await visitor.openWindow('/'));
    await two.see(id, 'Completed');
    /* What lies in the back/forward cache hears nothing from other windows. Asked before the page's own script asks. */
    await visitor.context.addInitScript(() => addEventListener('storage', (event) => globalThis.isAway && event.stopImmediatePropagation()));
    const away = new CustomerPage(visitor, await visitor.openWindow('/'));
    await away.see(id, 'Completed');
    await away.page.evaluate(() => { globalThis.isAway = true; });
    await away.page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
    await one.inCard(id, 'history').click();
    await one.inCard(id, 'forget').click();
    await two.card(id).waitFor({ state: 'detached' });
    const next = await two.orderAndRead('Tea');
    await one.see(next, 'Requested');
    assert.equal(await away.card(id).count(), 1, 'it has heard of nothing');
    await away.page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await away.card(id).waitFor({ state: 'detached' });
    await away.see(next, 'Requested');
    await one.page.reload();
    await one.see(next, 'Requested');
    assert.deepEqual(await one.numbers(), [next]);
    const left = new CustomerPage(visitor, await visitor.openWindow('/'));
    await left.see(next, 'Requested');
    await left.page.goto('/kitchen'); /* another page, and by and by back to the one before */
    await one.inCard(next, 'cancel').click();
    await one.see(next, 'Canceled');
    await one.inCard(next, 'history').click();
    await one.inCard(next, 'forget').click();
    await one.card(next).waitFor({ state: 'detached' });
    await left.page.goBack();
    await left.at('no-orders').waitFor();
    await one.at('no-orders').waitFor();
    await one.openByNumber(id);
    await one.see(id, 'Completed');
    await two.see(id, 'Completed');
});
