/** Paying: an order is paid for before it exists, and what is cancelled goes back; the customer sees which. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { PATIENT, SLOW_RESTART } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop({ ...PATIENT, ...SLOW_RESTART, 'up.steady_ms': 1, 'payment.ledger.limit': 20_000 });

const HANGUL = /[가-힣]/;

for (const language of ['ko', 'en']) {
    scenario(`what it costs is said before the touch, and it is paid; cancelled, the money comes back (${language})`, async ({ visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        await customer.pick('Latte');
        assert.ok((await customer.at('order-send').textContent()).replace(/\D/g, '').endsWith('5000'));
        await customer.at('order-send').click();
        await customer.at('order').first().waitFor();
        const [id] = await customer.numbers();
        await customer.card(id).locator('[data-testid=payment][data-payment=Paid]').waitFor();
        await customer.inCard(id, 'cancel').click();
        await customer.card(id).locator('[data-testid=payment][data-payment=Refunded]').waitFor();
        const shown = await customer.timeline(id);
        assert.deepEqual(shown.filter((type) => type.startsWith('Payment')), ['PaymentApproved', 'PaymentCanceled']);
        const said = await customer.card(id).textContent();
        assert.ok(!/event\.|payment\./.test(said), said);
        assert.equal(HANGUL.test(await customer.inCard(id, 'payment').textContent()), language === 'ko');
    });

    scenario(`a declined payment says why, that nothing was ordered, and what to do (${language})`, async ({ shop, visit }) => {
        const before = (await shop.must('GET', '/orders')).page.totalElements;
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        await customer.order('Latte', 5);
        const note = customer.page.locator('[data-testid=pending][data-phase=declined]');
        await note.waitFor();
        const said = await note.textContent();
        assert.ok(said.includes(language === 'ko' ? '한 번에 결제할 수 있는 금액을 넘습니다' : 'more than may be paid at once'), said);
        assert.equal((await shop.must('GET', '/orders')).page.totalElements, before);
        await customer.at('pending-close').click();
        await note.waitFor({ state: 'detached' });
    });

    scenario(`while payment is away it is not ordered yet, and then it is, once, by itself (${language})`, async ({ shop, visit }) => {
        const before = (await shop.must('GET', '/orders')).page.totalElements;
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        await shop.kill('payment');
        await customer.order('Latte');
        const note = customer.page.locator('[data-testid=pending][data-phase=busy]');
        await note.waitFor();
        assert.equal(HANGUL.test(await note.textContent()), language === 'ko');
        await customer.page.reload();
        await customer.at('order').first().waitFor();
        const [id] = await customer.numbers();
        await customer.card(id).locator('[data-testid=payment][data-payment=Paid]').waitFor();
        assert.equal((await shop.must('GET', '/orders')).page.totalElements, before + 1);
    });
}
