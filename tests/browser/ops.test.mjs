/** The operator's page: what is wrong, in words; how much goes through, in figures. */
import assert from 'node:assert/strict';
import { DEVICES } from './lib/chromium.mjs';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { OpsPage } from './pages/ops_page.mjs';

/* The page looks every five seconds; what dies stays away for longer than that. */
const { scenario } = openShop({ ...QUICK, 'up.backoff_ms': 8_000, 'up.steady_ms': 1 });
const guarded = openShop({ ...QUICK, 'gateway.operators': '192.0.2.1' });

for (const [language, victim] of [['ko', 'stock'], ['en', 'product']]) {
    scenario(`a service that is down is said in words, and so is its return (${language})`, async ({ shop, visit }) => {
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await ops.verdict('well');
        for (const service of ['order', 'product', 'stock', 'customercenter']) {
            await ops.service(service, 'up');
        }
        await shop.kill(victim);
        await ops.service(victim, 'down');
        await ops.problem(`down.${victim}`).waitFor();
        await ops.verdict('trouble');
        const words = await ops.problem(`down.${victim}`).textContent();
        assert.ok(words.trim().split(/\s+/).length >= 6, `a sentence: ${words}`);
        assert.equal(/[가-힣]/.test(words), language === 'ko');
        await shop.waitReady(victim);
        await ops.service(victim, 'up');
        await ops.problem(`down.${victim}`).waitFor({ state: 'detached' });
        await eventually('the restart is counted', async () => Number(await ops.figure('restarts').textContent()) >= 1);
    });
}

for (const language of ['ko', 'en']) {
    scenario(`a service that hangs is said not to answer, and what that means (${language})`, async ({ shop, visit }) => {
        shop.pause('product');
        try {
            const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
            await ops.problem('down.product').waitFor();
            await ops.service('product', 'down');
            await ops.verdict('trouble');
            await ops.service('payment', 'up');
        } finally {
            shop.resume('product');
        }
    });
}

scenario('each service is shown as it answers, payment like the others', async ({ visit }) => {
    const visitor = await visit({ device: 'desktop' });
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await visitor.page.route('**/health/stock', async (route) => {
        await released;
        await route.continue();
    });
    await visitor.go('/ops');
    const ops = new OpsPage(visitor);
    for (const service of ['order', 'product', 'customercenter', 'payment']) {
        await ops.service(service, 'up');
    }
    assert.equal(await ops.page.locator('[data-testid=service][data-service=stock]').getAttribute('data-state'), 'waiting');
    assert.equal(await ops.at('verdict').getAttribute('data-verdict'), 'unknown', 'nothing is called well before all have answered');
    release();
    await ops.service('stock', 'up');
    await ops.verdict('well');
});

scenario('orders and the way to the cup are shown as figures, and waiting tickets by number', async ({ shop, visit }) => {
    const ops = await OpsPage.open(await visit({ language: 'en', device: 'desktop' }));
    await shop.setStock('Tea', 0);
    const waiting = await shop.order('Tea');
    await shop.waitOrder(waiting.id, 'Out of stock');
    const orders = await Promise.all(Array.from({ length: 12 }, () => shop.order('Americano')));
    await Promise.all(orders.map(({ id }) => shop.waitOrder(id, 'Completed')));
    await eventually('orders a minute', async () => Number.parseFloat(await ops.figure('orders').textContent()) > 0);
    await eventually('from order to cup', async () => /\d/.test(await ops.figure('cup').textContent()));
    await eventually('tickets waiting', async () => Number(await ops.figure('waiting').textContent()) === 1);
    await ops.problem('outOfStock').filter({ hasText: 'Tea' }).waitFor();
    const { names } = (await shop.must('GET', '/menu'))._embedded.menu.find((one) => one.name === 'Tea');
    const korean = await OpsPage.open(await visit({ language: 'ko', device: 'desktop' }));
    await korean.problem('outOfStock').filter({ hasText: names.ko }).waitFor();
    assert.equal(await korean.problem('outOfStock').filter({ hasText: 'Tea' }).count(), 0, 'goods have their names in the page\'s language');
    await shop.receive('Tea', 5);
    await ops.problem('outOfStock').waitFor({ state: 'detached' });
});

scenario('the last hour is remembered over a reload, as far as it was seen', async ({ visit }) => {
    const ops = await OpsPage.open(await visit({ device: 'desktop' }));
    const points = () => ops.page.evaluate(() => JSON.parse(localStorage.getItem('coffeeshop.ops') ?? '[]').length);
    await ops.page.reload();
    await eventually('it was kept when the page went', async () => (await points()) >= 1);
    await ops.page.locator('[data-testid=verdict]:not([data-verdict=unknown])').waitFor();
});

guarded.scenario('who is no operator sees no inner figures, is told so, and still sees what is up', async ({ shop, visit }) => {
    assert.equal((await shop.ask('GET', '/ops/order/metrics')).status, 403);
    const ops = await OpsPage.open(await visit({ device: 'desktop' }));
    await ops.problem('forbidden').waitFor();
    await ops.service('order', 'up');
});

scenario('a full disk is said in words, and a reason that has none as the service gives it', async ({ visit }) => {
    const visitor = await visit({ language: 'en', device: 'desktop' });
    const ops = await OpsPage.open(visitor);
    await ops.verdict('well');
    let reason = 'commits fail; is the disk full?';
    await visitor.page.route('**/health/stock', (route) => route.fulfill({ status: 503, json: { status: 'DOWN', reason } }));
    await ops.problem('disk').filter({ hasText: /Stock can’t write to its disk/ }).waitFor();
    await ops.service('stock', 'unready');
    await ops.verdict('trouble');
    reason = 'the feed of order is not the one that was followed';
    await ops.problem('unready').filter({ hasText: reason }).waitFor();
});

scenario('an order that isn’t paid, and a provider that says what can’t be, are said in words', async ({ visit }) => {
    const visitor = await visit({ language: 'en', device: 'desktop' });
    const ops = await OpsPage.open(visitor);
    await ops.verdict('well');
    await visitor.page.route('**/ops/payment/metrics', async (route) => {
        const answer = await route.fetch();
        const added = 'coffeeshop_orders_unpaid_total 2\ncoffeeshop_provider_contradictions_total 3\n';
        const told = (await answer.text()).split('\n').filter((line) => !/unpaid_total|contradictions_total/.test(line)).join('\n');
        await route.fulfill({ response: answer, body: told + added });
    });
    await ops.problem('unpaid').filter({ hasText: /2 orders exist that are not paid/ }).waitFor();
    await ops.problem('contradictions').filter({ hasText: /3 things that can’t be so/ }).waitFor();
    await ops.verdict('trouble');
});

guarded.scenario('what may not be seen is not called well', async ({ visit }) => {
    const ops = await OpsPage.open(await visit({ device: 'desktop' }));
    await ops.verdict('barred');
    assert.doesNotMatch(await ops.page.locator('main').textContent(), /within –|– 안/, 'nor measured what was not seen');
});

for (const language of ['ko', 'en']) {
    for (const [how, block] of [['the gateway is away', (route) => route.abort('connectionrefused')],
        ['its address is barred', (route) => route.fulfill({ status: 403, json: { type: 'about:blank', title: 'Forbidden', status: 403 } })],
        ['something else answers', (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<p>Log in to the network' })]]) {
        scenario(`when ${how} the page says that it knows nothing, once (${language})`, async ({ visit }) => {
            const visitor = await visit({ language, device: 'desktop' });
            const ops = await OpsPage.open(visitor);
            const shop = /\/(health|ops|orders|products)\//;
            const orders = /\/(orders|products)\b/;
            await visitor.page.route(shop, block);
            await visitor.page.route(orders, block);
            await ops.problem('unreachable').waitFor();
            await ops.verdict('unknown');
            assert.equal(await ops.at('problem').count(), 1);
            assert.equal(await ops.at('stale').count(), 0);
            await ops.service('order', 'unknown');
            await visitor.page.unroute(shop);
            await visitor.page.unroute(orders);
            await ops.verdict('well');
        });
    }
}

for (const device of Object.keys(DEVICES)) {
    scenario(`the page fits (${device})`, async ({ visit }) => {
        const ops = await OpsPage.open(await visit({ device, language: 'ko' }));
        const { wide, room } = await ops.page.evaluate(() =>
            ({ wide: document.documentElement.scrollWidth, room: document.documentElement.clientWidth }));
        assert.ok(wide <= room, `nothing is wider than the screen: ${wide} of ${room}`);
    });
}
