/** The shop's disk is full: the operator reads so, for as long as it lasts, and a customer's order is made once there is room. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after } from 'node:test';
import { SmallDisk } from './lib/disk.mjs';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { OpsPage } from './pages/ops_page.mjs';

const disk = new SmallDisk();
/* paid at the counter: else payment's disk is full before anything comes to order's */
const COUNTER = { 'order.payment_url': '', 'customercenter.payment_url': '' };
const { scenario } = openShop({ ...QUICK, ...COUNTER, data: path.join(disk.path, 'data') });
after(() => disk.close());

const SERVICES = ['order', 'product', 'stock', 'customercenter'];

/** What is preallocated may still be written: orders until one is refused. */
const orderUntilRefused = (shop) => eventually('an order is refused', async () =>
    (await shop.ask('POST', '/orders', { productName: 'Tea', qty: 1 })).status === 503, { every: 0 });

/** The page has looked at a service so many times more. */
async function looks(page, service, n) {
    for (let i = 0; i < n; i++) {
        await page.waitForResponse((response) => response.url().endsWith(`/health/${service}`), { timeout: 30_000 });
    }
}

for (const language of ['ko', 'en']) {
    scenario(`the operator reads that the disk is full for as long as it is, and what is ordered meanwhile is made afterwards (${language})`, async ({ shop, visit }) => {
        const ops = await OpsPage.open(await visit({ language, device: 'desktop' }));
        const customer = await CustomerPage.open(await visit({ language }));
        await ops.service('order', 'up');
        const mochas = async () => (await shop.all('orders')).filter((order) => order.productName === 'Mocha').length;
        const before = await mochas();
        const pids = SERVICES.map((service) => shop.pidOf(service));
        disk.fill(pids);
        try {
            await orderUntilRefused(shop);
            const words = ops.problem('disk').filter({ hasText: language === 'ko' ? /주문.*디스크/ : /Orders can’t write to its disk/ });
            await words.waitFor();
            await ops.service('order', 'unready');
            await ops.verdict('trouble');
            await customer.order('Mocha', 2);
            await customer.page.locator('[data-testid=pending][data-phase=waiting]').waitFor();
            for (let look = 0; look < 3; look++) { /* though nobody tries to write any more but what waits */
                await looks(ops.page, 'order', 1);
                assert.equal(await words.count(), 1, 'it is said as long as it lasts');
                assert.equal(await ops.at('verdict').getAttribute('data-verdict'), 'trouble');
            }
        } finally {
            disk.empty(pids);
        }
        await customer.at('order').first().waitFor({ timeout: 30_000 });
        await customer.at('pending').waitFor({ state: 'detached' });
        const [id] = await customer.numbers();
        await customer.see(id, 'Completed');
        assert.deepEqual([(await shop.getOrder(id)).productName, (await shop.getOrder(id)).qty], ['Mocha', 2]);
        assert.equal(await mochas(), before + 1, 'once');
        await ops.service('order', 'up');
        await ops.problem('disk').waitFor({ state: 'detached' });
        assert.deepEqual(SERVICES.map((service) => shop.pidOf(service)), pids, 'nobody had to start anything again');
    });
}
