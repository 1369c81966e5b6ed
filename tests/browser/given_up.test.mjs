/** Goods didn't come in time: the shop cancels the order by itself, says that it was the shop, and gives the money back. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop({ ...QUICK, 'order.out_of_stock_cancel_after_ms': 1_000 });

const SAID = {
    en: ['we ran out and gave your money back', 'Order cancelled by the shop', 'Money given back'],
    ko: ['재고가 떨어져 환불해 드렸습니다', '가게에서 주문을 취소했습니다', '환불되었습니다'],
};

for (const language of ['ko', 'en']) {
    const item = language === 'ko' ? 'Tea' : 'Latte';

    scenario(`who waited in vain reads that we ran out and gave the money back (${language})`, async ({ shop, visit }) => {
        await shop.setStock(item, 3);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const id = await customer.orderAndRead(item, 5);
        await customer.see(id, 'Canceled');
        await customer.card(id).locator('[data-testid=given-up][data-payment=Refunded]').waitFor();
        const shown = await customer.timeline(id);
        assert.deepEqual(shown.filter((type) => !type.startsWith('Payment')), ['Ordered', 'OutOfStock', 'ProductCanceled', 'OrderCanceled']);
        assert.deepEqual(shown.filter((type) => type.startsWith('Payment')), ['PaymentApproved', 'PaymentCanceled']);
        await customer.inCard(id, 'history').click();
        const said = await customer.card(id).textContent();
        for (const words of SAID[language]) {
            assert.ok(said.includes(words), said);
        }
        assert.ok(!/event\.|givenUp\.|payment\./.test(said), said);
        await customer.page.reload();
        await customer.inCard(id, 'given-up').waitFor();
    });
}

scenario('the same is read while the view is away: the order itself says why', async ({ shop, visit }) => {
    await shop.setStock('Mocha', 0);
    const { id } = await shop.order('Mocha', 1);
    await shop.waitOrder(id, 'Canceled');
    const visitor = await visit();
    await visitor.page.route('**/mypages**', (route) => route.abort());
    const customer = await CustomerPage.open(visitor, `#${id}`);
    await customer.inCard(id, 'given-up').waitFor();
    assert.deepEqual(await customer.timeline(id), ['Ordered', 'OrderCanceled']);
});
