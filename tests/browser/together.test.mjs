/** Two customers, a kitchen and a stock keeper at once. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';
import { StockPage } from './pages/stock_page.mjs';

const { scenario } = openShop(MANUAL);

for (const [hers, his] of [['ko', 'en'], ['en', 'ko']]) {
    scenario(`each sees what the others do, live, and nobody another's orders (${hers}, ${his})`, async ({ shop, visit }) => {
        const [she, he, kitchen, stock] = await Promise.all([
            visit({ language: hers }).then((visitor) => CustomerPage.open(visitor)),
            visit({ language: his }).then((visitor) => CustomerPage.open(visitor)),
            visit({ device: 'tablet', language: hers }).then((visitor) => KitchenPage.open(visitor)),
            visit({ device: 'desktop', language: his }).then((visitor) => StockPage.open(visitor)),
        ]);
        const had = (await shop.stockOf('Americano')).qty;
        await stock.see('Americano', 'on-hand', had);
        const [hersId, hisId] = await Promise.all([she.orderAndRead('Americano', 2), he.orderAndRead('Americano')]);
        assert.notEqual(hersId, hisId);
        const [hersTicket, hisTicket] = await Promise.all([shop.ticketOf(hersId), shop.ticketOf(hisId)]);
        await kitchen.see(hersTicket.id, 'Ready');
        await kitchen.see(hisTicket.id, 'Ready');
        await kitchen.inTicket(hersTicket.id, 'start').tap();
        await he.inCard(hisId, 'cancel').tap();
        await he.see(hisId, 'Canceled');
        await kitchen.inTicket(hisTicket.id, 'canceled').waitFor();
        await she.see(hersId, 'Producing');
        await stock.see('Americano', 'on-hand', had - 2);
        await kitchen.inTicket(hersTicket.id, 'finish').tap();
        await she.see(hersId, 'Completed');
        await kitchen.gone(hersTicket.id);
        assert.deepEqual(await she.numbers(), [hersId]);
        assert.deepEqual(await he.numbers(), [hisId]);
        assert.equal((await shop.stockOf('Americano')).qty, had - 2);
    });
}
