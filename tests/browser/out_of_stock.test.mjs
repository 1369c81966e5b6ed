/** When something has run out: said on the menu before it is ordered, and plainly to whom it is too late for that. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop(QUICK);

for (const language of ['ko', 'en']) {
    const item = language === 'ko' ? 'Mocha' : 'Latte';

    scenario(`an order that finds nothing left says so, and is made when goods arrive (${language})`, async ({ shop, visit }) => {
        await shop.setStock(item, 3);
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead(item, 5);
        await customer.see(id, 'Out of stock');
        await customer.inCard(id, 'out-of-stock').waitFor();
        assert.equal(/[가-힣]/.test(await customer.inCard(id, 'out-of-stock').textContent()), language === 'ko');
        assert.equal((await shop.stockOf(item)).qty, 3);
        await shop.receive(item, 4);
        await customer.see(id, 'Completed');
        assert.equal(await customer.inCard(id, 'out-of-stock').count(), 0);
        assert.equal((await shop.stockOf(item)).qty, 2);
    });
}

scenario('what is sold out is marked on the menu and can not be ordered, until it is back', async ({ shop, visit }) => {
    await shop.setStock('Cappuccino', 0);
    await shop.waitSoldOut('Cappuccino');
    const customer = await CustomerPage.open(await visit());
    const drink = customer.menuItem('Cappuccino');
    await drink.getByTestId('sold-out').waitFor();
    assert.equal(await drink.isDisabled(), true);
    assert.equal(await customer.menuItem('Americano').isDisabled(), false);
    await shop.receive('Cappuccino', 10);
    await shop.waitSoldOut('Cappuccino', false);
    await drink.getByTestId('sold-out').waitFor({ state: 'detached', timeout: 30_000 });
    assert.equal(await drink.isDisabled(), false);
});

scenario('who does not want to wait for goods cancels', async ({ shop, visit }) => {
    await shop.setStock('Tea', 0);
    const { id } = await shop.order('Tea', 2);
    await shop.waitOrder(id, 'Out of stock');
    const customer = await CustomerPage.open(await visit(), `#${id}`);
    await customer.see(id, 'Out of stock');
    await customer.inCard(id, 'cancel').click();
    await customer.see(id, 'Canceled');
    await shop.waitOrder(id, 'Canceled');
    assert.equal(await customer.inCard(id, 'given-up').count(), 0);
});
