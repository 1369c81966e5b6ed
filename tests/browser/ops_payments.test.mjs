/** The operator's page on payments: how many of each kind today, the money of the day, and nothing that isn't known. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { PATIENT } from './lib/shop.mjs';
import { OpsPage } from './pages/ops_page.mjs';

/* The page looks every five seconds; what dies stays away for longer than that. The shop's day is another one than the device's. */
const { scenario } = openShop({ ...PATIENT, 'up.backoff_ms': 8_000, 'up.steady_ms': 1, timezone: 'Pacific/Kiritimati' });
const counter = openShop({ ...PATIENT, 'order.payment_url': '', 'customercenter.payment_url': '' });
const guarded = openShop({ ...PATIENT, 'gateway.operators': '192.0.2.1' });

const LATTE = 5_000;
const FIGURES = ['approved', 'declined', 'unanswered', 'refunded', 'unresolved'];
const HANGUL = /[가-힣]/;

const pay = (shop, qty, paymentMethod) => shop.ask('POST', '/orders', { productName: 'Latte', qty, paymentMethod });

async function waitPayment(shop, id, status) {
    await eventually(`payment ${id} is ${status}`, async () => (await shop.must('GET', `/payments/${id}`)).status === status);
}

/** What the page shows, as numbers. */
async function shownOf(ops) {
    const number = async (place) => ((await place.count()) ? Number((await place.textContent()).replace(/\D/g, '')) : 0);
    const figures = await Promise.all(FIGURES.map(async (name) => [name, await number(ops.figure(name))]));
    const sums = await Promise.all(['taken', 'givenBack', 'left'].map(async (what) => [what, await number(ops.sum('KRW', what))]));
    return Object.fromEntries([...figures, ...sums]);
}

for (const language of ['ko', 'en']) {
    scenario(`each payment of the day is counted as what it is, and the money is added up (${language})`, async ({ shop, visit }) => {
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await ops.payments('known');
        const before = await shownOf(ops);
        const orders = await Promise.all([1, 2, 3].map((qty) => pay(shop, qty, 'card')));
        await Promise.all(orders.map(({ body }) => waitPayment(shop, body.paymentId, 'Captured')));
        await shop.cancel(orders[1].body.id);
        await waitPayment(shop, orders[1].body.paymentId, 'Refunded');
        assert.equal((await pay(shop, 1, 'test-insufficient')).status, 402);
        assert.equal((await pay(shop, 1, 'test-unknown')).status, 503);
        const more = { approved: 3, declined: 1, unanswered: 1, refunded: 1, unresolved: 1, taken: 6 * LATTE, givenBack: 2 * LATTE, left: 4 * LATTE };
        const expected = Object.fromEntries(Object.entries(more).map(([name, n]) => [name, before[name] + n]));
        await eventually('the page has seen them all', async () => assert.deepEqual(await shownOf(ops), expected) ?? true);
        const { from } = await shop.must('GET', '/payments/summary');
        const heading = await ops.page.locator('#payments-day').textContent();
        assert.ok(heading.includes('Pacific/Kiritimati'), heading);
        assert.ok(heading.includes(String(Number(from.slice(8)))), `${heading}: ${from}`);
        assert.equal(HANGUL.test(heading), language === 'ko');
        assert.equal(HANGUL.test(await ops.figure('breaker').textContent()), language === 'ko');
    });

    scenario(`while payment can't be asked nothing is said of the money, least of all that it is none (${language})`, async ({ shop, visit }) => {
        await pay(shop, 1, 'card');
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await ops.at('sums').waitFor();
        await shop.kill('payment');
        await ops.payments('unknown');
        await ops.page.reload(); /* who has never seen it up doesn't take it for a shop without */
        await ops.payments('unknown');
        const section = ops.at('payments');
        assert.equal(await ops.at('sums').count() + await ops.at('no-sums').count(), 0);
        for (const name of FIGURES) {
            assert.equal(await ops.figure(name).textContent(), '–', name);
        }
        const words = await section.locator('.notice').textContent();
        assert.equal(HANGUL.test(words), language === 'ko', words);
        await shop.waitReady('payment');
        await ops.payments('known');
        await ops.at('sums').waitFor();
    });
}

for (const language of ['ko', 'en']) {
    counter.scenario(`where one pays at the counter the page says so, and has no figures of payments (${language})`, async ({ shop, visit }) => {
        assert.ok(!(await shop.order()).paymentStatus);
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        await ops.payments('counter');
        assert.equal(HANGUL.test(await ops.at('payments').locator('.notice').textContent()), language === 'ko');
        assert.equal(await ops.figure('approved').count() + await ops.at('sums').count(), 0);
        await ops.verdict('well');
    });
}

guarded.scenario('who is no operator sees no payments, and is told so', async ({ visit }) => {
    const ops = await OpsPage.open(await visit({ device: 'desktop' }));
    await ops.payments('forbidden');
    assert.equal(await ops.figure('approved').count() + await ops.at('sums').count(), 0);
});

scenario("a stranger's answer is no sum", async ({ visit }) => {
    const visitor = await visit({ device: 'desktop' });
    await visitor.page.route('**/payments/summary', (route) => route.fulfill({ json: { sums: 'none' } }));
    const ops = await OpsPage.open(visitor);
    await ops.payments('unknown');
});
