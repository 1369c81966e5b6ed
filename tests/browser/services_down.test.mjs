/** A service dies while pages are open, and comes back: the page says so, goes on by itself and misses nothing. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { MANUAL, NO_RESTART, SLOW_RESTART } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { OpsPage } from './pages/ops_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

/* A service that lived a moment is steady: each death waits the same. */
const { scenario } = openShop({ ...MANUAL, ...SLOW_RESTART, 'up.steady_ms': 1, 'customercenter.heartbeat_ms': 500 });
const away = openShop({ ...MANUAL, ...NO_RESTART });

for (const language of ['ko', 'en']) {
    scenario(`the view dies: the customer is told that what is shown is old, and then sees all that happened meanwhile (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Latte');
        const other = await customer.orderAndRead('Tea');
        const ticket = await shop.ticketOf(id);
        await customer.link('live');
        await shop.kill('customercenter');
        await customer.link('lost');
        await customer.at('stale').waitFor();
        assert.equal(/[가-힣]/.test(await customer.at('stale').textContent()), language === 'ko');
        await shop.workOn(ticket.id, 'Producing');
        await shop.workOn(ticket.id, 'Completed');
        await shop.waitOrder(id, 'Completed');
        await shop.waitReady('customercenter');
        await customer.see(id, 'Completed');
        await customer.link('live');
        assert.equal(await customer.at('stale').count(), 0);
        const timeline = await eventually('nothing is missing', async () => {
            const shown = await customer.timeline(id);
            return shown.includes('ProductionStarted') && shown.includes('Produced') && shown;
        });
        assert.equal(new Set(timeline).size, timeline.length, `nothing twice: ${timeline}`);
        assert.equal(await customer.status(other), 'Requested');
        await shop.cancel(other);
        await customer.see(other, 'Canceled');
    });
}

scenario('orders dies: what is ordered meanwhile is sent when it is back, once', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = (await shop.all('orders')).length;
    await shop.kill('order');
    await customer.order('Mocha', 2);
    await customer.at('pending').waitFor();
    await customer.at('order').first().waitFor({ timeout: 30_000 });
    await customer.at('pending').waitFor({ state: 'detached' });
    const [id] = await customer.numbers();
    const order = await shop.getOrder(id);
    assert.deepEqual([order.productName, order.qty], ['Mocha', 2]);
    assert.equal((await shop.all('orders')).length, before + 1);
});

scenario('the kitchen dies: its display says so, greys what is old and goes on with what came meanwhile', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const first = await shop.ticketOf((await shop.order('Latte')).id);
    await kitchen.see(first.id, 'Ready');
    await shop.kill('product');
    await kitchen.link('lost');
    await kitchen.at('stale').waitFor();
    const meanwhile = await shop.order('Americano');
    await shop.waitReady('product');
    await kitchen.link('live');
    const second = await shop.ticketOf(meanwhile.id);
    await kitchen.see(second.id, 'Ready');
    await kitchen.see(first.id, 'Ready');
    assert.equal(await kitchen.at('stale').count(), 0);
});

scenario('a touch that finds no kitchen is said to have come to nothing, and can be made again', async ({ shop, visit }) => {
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const { id, orderId } = await shop.ticketOf((await shop.order('Tea')).id);
    await kitchen.inTicket(id, 'start').tap();
    shop.pause('product');
    try {
        await kitchen.inTicket(id, 'trouble').waitFor({ timeout: 40_000 });
    } finally {
        shop.resume('product');
    }
    await kitchen.link('live');
    /* It was not answered, but may have been heard: then the ticket has moved by itself. */
    await eventually('it is started, by the first touch or by another', async () => {
        if (await kitchen.inTicket(id, 'start').count()) {
            await kitchen.inTicket(id, 'start').tap({ timeout: 1_000 }).catch(() => {});
        }
        return (await shop.getOrder(orderId)).status === 'Producing';
    }, { within: 30_000 });
    await kitchen.see(id, 'Producing');
});

scenario('stock dies: the keeper is told, and sees the counts again by itself', async ({ shop, visit }) => {
    const stock = await StockPage.open(await visit({ device: 'desktop' }));
    await stock.link('live');
    await shop.kill('stock');
    await stock.link('lost');
    await stock.at('stale').waitFor();
    await shop.waitReady('stock');
    await stock.link('live');
    await shop.receive('Mocha', 11);
    const { qty } = await shop.stockOf('Mocha');
    await stock.see('Mocha', 'on-hand', qty);
});

/** In the page: a promise that it says of its link that it is lost, if only for a moment. */
function watchForLoss() {
    globalThis.lost = new Promise((resolve) => {
        const look = () => document.querySelector('[data-testid=link-state][data-state="lost"]') && resolve();
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
}

scenario('the gateway dies: every page comes back by itself', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    const id = await customer.orderAndRead('Cappuccino');
    const ticket = await shop.ticketOf(id);
    await kitchen.see(ticket.id, 'Ready');
    const pages = [customer.page, kitchen.page];
    await Promise.all(pages.map((page) => page.evaluate(watchForLoss)));
    await shop.kill('gateway');
    await Promise.all(pages.map((page) => page.evaluate(() => globalThis.lost)));
    await shop.waitReady('gateway');
    await customer.link('live');
    await kitchen.link('live');
    await shop.workOn(ticket.id, 'Producing');
    await customer.see(id, 'Producing');
    await kitchen.see(ticket.id, 'Producing');
});

for (const language of ['ko', 'en']) {
    scenario(`while the view is away the menu is there, orders are taken and what becomes of them is seen (${language})`, async ({ shop, visit }) => {
        const visitor = await visit({ language });
        await CustomerPage.open(visitor);
        await visitor.page.route(/\/(menu|mypages)\b/, (route) => /* as the gateway answers for a service that is down */
            route.fulfill({ status: 503, json: { type: 'about:blank', title: 'Service Unavailable', status: 503 } }));
        await visitor.page.reload();
        const customer = new CustomerPage(visitor);
        await customer.at('menu-failed').filter({ hasText: language === 'ko' ? /품절/ : /sold out/ }).waitFor();
        const id = await customer.orderAndRead('Latte');
        const ticket = await shop.ticketOf(id);
        await customer.link('lost');
        await customer.page.locator('[data-testid=stale][data-reached=true]').waitFor();
        await shop.workOn(ticket.id, 'Producing');
        await customer.see(id, 'Producing');
        assert.equal(await customer.inCard(id, 'cancel').count(), 0, 'what is being made can not be cancelled');
        await shop.workOn(ticket.id, 'Completed');
        await customer.see(id, 'Completed');
    });
}

for (const language of ['ko', 'en']) {
    away.scenario(`the view is away before anybody has looked: a first visitor gets the menu, orders and sees the coffee made (${language})`, async ({ shop, visit }) => {
        await shop.setStock('Tea', 0);
        await shop.waitSoldOut('Tea');
        await shop.kill('customercenter');
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await ops.problem('down.customercenter').filter({ hasText: language === 'ko' ? /품절/ : /sold out/ }).waitFor();
        const customer = await CustomerPage.open(await visit({ language }));
        const note = customer.page.locator('[data-testid=menu-failed][data-why="menu.soldOutUnknown"]');
        await note.filter({ hasText: language === 'ko' ? /품절/ : /sold out/ }).waitFor();
        assert.equal(await customer.at('sold-out').count(), 0, 'what is not known is not claimed');
        const { price } = (await shop.must('GET', '/menu'))._embedded.menu.find((one) => one.name === 'Latte');
        const id = await customer.orderAndRead('Latte', 2);
        assert.equal((await shop.getOrder(id)).amount, 2 * price, 'at the price that was shown');
        const ticket = await shop.ticketOf(id);
        await customer.see(id, 'Requested');
        await shop.workOn(ticket.id, 'Producing');
        await customer.see(id, 'Producing');
        assert.equal(await customer.inCard(id, 'cancel').count(), 0, 'what is being made can not be cancelled');
        await shop.workOn(ticket.id, 'Completed');
        await customer.see(id, 'Completed');
        await shop.reopen({});
        await customer.menuItem('Tea').getByTestId('sold-out').waitFor();
        await note.waitFor({ state: 'detached' });
        await customer.see(id, 'Completed');
    });
}

scenario('the view stands still behind an open stream: the order is asked for where it is', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const id = await customer.orderAndRead('Tea');
    const ticket = await shop.ticketOf(id);
    await customer.link('live');
    shop.pause('customercenter');
    try {
        await shop.workOn(ticket.id, 'Producing');
        await shop.workOn(ticket.id, 'Completed');
        await customer.see(id, 'Completed');
        assert.equal(await customer.inCard(id, 'cancel').count(), 0);
    } finally {
        shop.resume('customercenter');
    }
});

for (const language of ['ko', 'en']) {
    away.scenario(`the gateway stays away: every open page says that it can't reach the shop, and none says more than it knows (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Latte');
        const kitchen = await KitchenPage.open(await visit({ language, device: 'tablet' }));
        const stock = await StockPage.open(await visit({ language, device: 'tablet' }));
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await customer.link('live');
        await ops.verdict('well');
        await shop.kill('gateway');
        await ops.problem('unreachable').filter({ hasText: language === 'ko' ? /닿지|연결/ : /can’t reach the shop/ }).waitFor();
        await ops.verdict('unknown');
        assert.equal(await ops.at('problem').count(), 1, 'one sentence');
        for (const service of ['order', 'product', 'stock', 'customercenter']) {
            await ops.service(service, 'unknown');
        }
        for (const page of [customer, kitchen, stock]) {
            await page.link('lost');
            await page.page.locator('[data-testid=stale]:not([data-reached=true])').waitFor();
            assert.equal(await page.at('stale').count(), 1);
        }
        await shop.reopen({});
        for (const page of [customer, kitchen, stock]) {
            await page.link('live');
            await page.at('stale').waitFor({ state: 'detached' });
        }
        await customer.see(id, 'Requested');
        await ops.verdict('well');
    });
}

scenario('the gateway is away: the page says so once, and shows the menu that it remembers', async ({ visit }) => {
    const visitor = await visit({ language: 'en' });
    await CustomerPage.open(visitor);
    await visitor.page.route(/\/(menu|mypages|orders)\b/, (route) => route.abort('connectionrefused'));
    await visitor.page.reload();
    const customer = new CustomerPage(visitor);
    await customer.menuItem('Americano').waitFor();
    await customer.at('menu-failed').filter({ hasText: /last time/ }).waitFor();
    assert.equal(await customer.page.getByRole('alert').filter({ hasText: /./ }).count(), 1);
});

scenario('the device loses the net and finds it again', async ({ shop, visit }) => {
    const visitor = await visit();
    const customer = await CustomerPage.open(visitor);
    const id = await customer.orderAndRead('Latte');
    const ticket = await shop.ticketOf(id);
    await customer.link('live');
    await visitor.loseNet();
    await customer.link('lost');
    await customer.at('stale').waitFor();
    await shop.workOn(ticket.id, 'Producing');
    await shop.waitOrder(id, 'Producing');
    assert.equal(await customer.status(id), 'Requested', 'what it cannot know it does not show');
    await visitor.findNet();
    await customer.see(id, 'Producing');
    await customer.link('live');
    assert.equal(await customer.at('stale').count(), 0);
});
