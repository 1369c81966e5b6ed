/** Paying: an order is paid for before it exists, and what is cancelled goes back; the customer sees which. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { PATIENT, QUICK, SLOW_RESTART } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop({ ...PATIENT, ...SLOW_RESTART, 'up.steady_ms': 1, 'payment.ledger.limit': 20_000 });
const quick = openShop(QUICK);

const hasty = openShop({ ...PATIENT, ...SLOW_RESTART, 'gateway.answer_ms': 300 });

const HANGUL = /[가-힣]/;

const countOf = async (shop) => (await shop.must('GET', '/orders')).page.totalElements;
const pending = (customer, phase) => customer.page.locator(`[data-testid=pending][data-phase=${phase}]`);
const payment = (customer, id, said) => customer.card(id).locator(`[data-testid=payment][data-payment=${said}]`);

/** The Idempotency-Keys under which the page sends orders, as they go out. */
function keysOf(customer) {
    const keys = [];
    customer.page.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/orders') && keys.push(request.headers()['idempotency-key']));
    return keys;
}

/** The page's only order, once it is there: it has one payment, and that is taken. */
async function paidOnce(shop, customer) {
    await customer.at('order').first().waitFor();
    await pending(customer, 'unknown').or(pending(customer, 'busy')).waitFor({ state: 'detached' });
    const [id, ...others] = await customer.numbers();
    assert.deepEqual(others, []);
    await payment(customer, id, 'Paid').waitFor();
    const { paymentId, amount } = await shop.getOrder(id);
    await eventually('it is taken', async () => (await shop.must('GET', `/payments/${paymentId}`)).status === 'Captured');
    const { _embedded: { payments } } = await shop.must('GET', `/payments/search/findByOrderId?orderId=${id}`);
    assert.deepEqual(payments.map((one) => [one.id, one.amount]), [[paymentId, amount]]);
}

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

    scenario(`what is not ordered yet is tried again under the same key (${language})`, async ({ shop, visit }) => {
        const before = await countOf(shop);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const keys = keysOf(customer);
        await shop.kill('payment');
        await customer.order('Latte', 2);
        await pending(customer, 'busy').waitFor();
        await paidOnce(shop, customer);
        assert.ok(keys.length > 1 && new Set(keys).size === 1, keys.join());
        assert.equal(await countOf(shop), before + 1);
    });

    scenario(`who doesn't want to wait for payment any more is told that nothing was ordered (${language})`, async ({ shop, visit }) => {
        const before = await countOf(shop);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const keys = keysOf(customer);
        await shop.kill('payment');
        await customer.order('Latte');
        await pending(customer, 'busy').getByTestId('pending-withdraw').click();
        const said = await pending(customer, 'dropped').getByRole('alert').textContent();
        assert.match(said, language === 'ko' ? /주문도 결제도 되지 않았습니다/ : /nothing is ordered and nothing is paid/);
        await shop.waitReady('payment');
        await pending(customer, 'dropped').getByTestId('pending-close').click();
        await customer.page.reload();
        await customer.at('no-orders').waitFor();
        const sent = keys.length;
        await customer.order('Tea');
        await paidOnce(shop, customer);
        assert.deepEqual([keys.length, await countOf(shop)], [sent + 1, before + 1], 'only the new one was sent');
    });

    hasty.scenario(`an order that may have arrived at a service that hangs is said to be unknown, and then it is one (${language})`, async ({ shop, visit }) => {
        const before = await countOf(shop);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const keys = keysOf(customer);
        shop.pause('order');
        try {
            await customer.order('Latte');
            await pending(customer, 'unknown').waitFor();
            assert.equal(HANGUL.test(await pending(customer, 'unknown').getByRole('status').textContent()), language === 'ko');
        } finally {
            shop.resume('order');
        }
        await paidOnce(shop, customer);
        assert.equal(new Set(keys).size, 1);
        assert.equal(await countOf(shop), before + 1);
    });

    scenario(`who doesn't wait to know whether it was paid is told that nothing was ordered, and that the money goes back (${language})`, async ({ shop, visit }) => {
        const before = await countOf(shop);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        shop.pause('payment');
        try {
            await customer.order('Latte');
            await pending(customer, 'unknown').getByTestId('pending-withdraw').click();
            const said = await pending(customer, 'unordered').getByRole('alert').textContent();
            assert.match(said, language === 'ko' ? /주문은 되지 않았습니다.*저절로 환불/ : /nothing is ordered.*the money goes back by itself/);
        } finally {
            shop.resume('payment');
        }
        assert.equal(await countOf(shop), before);
    });

    scenario(`of an order that may have been made nothing else is said when it is withdrawn (${language})`, async ({ visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        await customer.page.route('**/orders', (route) => route.fulfill({ status: 503, headers: { 'X-Correlation-ID': 'c' },
            json: { type: 'outcome-unknown', status: 503, detail: 'it is not known whether it was done' } }));
        await customer.order('Latte');
        await pending(customer, 'unknown').getByTestId('pending-withdraw').click();
        const said = await pending(customer, 'withdrawn').getByRole('alert').textContent();
        assert.match(said, language === 'ko' ? /주문되었는지는 알 수 없습니다/ : /Whether it is ordered is not known/);
        await customer.page.unroute('**/orders');
    });

    quick.scenario(`a cup that is paid back after all says so on the page that is open (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const id = await customer.orderAndRead('Latte');
        await customer.see(id, 'Completed');
        await payment(customer, id, 'Paid').waitFor();
        const { paymentId } = await shop.getOrder(id);
        await eventually('it is taken', async () => (await shop.must('GET', `/payments/${paymentId}`)).status === 'Captured');
        await customer.link('idle');
        await shop.must('PUT', `/payments/${paymentId}`, { status: 'Refunded', reason: 'it was cold' });
        await payment(customer, id, 'Refunded').waitFor();
        assert.equal(HANGUL.test(await customer.inCard(id, 'payment').textContent()), language === 'ko');
    });

    scenario(`while nobody knows whether it is paid that is said, after a reload too, and then it is one order, paid once (${language})`, async ({ shop, visit }) => {
        const before = await countOf(shop);
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const keys = keysOf(customer);
        shop.pause('payment');
        try {
            await customer.order('Latte');
            await pending(customer, 'unknown').waitFor();
            await customer.page.reload();
            await pending(customer, 'unknown').waitFor();
            assert.equal(HANGUL.test(await pending(customer, 'unknown').getByRole('status').textContent()), language === 'ko');
            assert.deepEqual([await customer.numbers(), await countOf(shop)], [[], before], 'there is no order of it');
        } finally {
            shop.resume('payment');
        }
        await paidOnce(shop, customer);
        assert.equal(new Set(keys).size, 1);
        assert.equal(await countOf(shop), before + 1);
    });

    scenario(`a reload before the answer has come shows what came of it, paid or declined (${language})`, async ({ shop, visit }) => {
        for (const [qty, comes] of [[1, 'order'], [5, 'pending']]) {
            const before = await countOf(shop);
            const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
            const keys = keysOf(customer);
            let arrived = false;
            await customer.page.route('**/orders', async (route) => { /* the first is never answered */
                await route.fetch();
                arrived = true;
            }, { times: 1 });
            await customer.order('Latte', qty);
            await eventually('the shop has it', () => arrived);
            await customer.page.reload();
            await (comes === 'order' ? customer.at('order') : pending(customer, 'declined')).waitFor();
            assert.deepEqual([keys.length, new Set(keys).size], [2, 1]);
            assert.equal(await countOf(shop), before + (comes === 'order'));
        }
    });

    scenario(`the money of what is canceled while payment is away is said to be on its way, and then to be back (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        const id = await customer.orderAndRead('Latte');
        await payment(customer, id, 'Paid').waitFor();
        await shop.kill('payment');
        await customer.inCard(id, 'cancel').click();
        await payment(customer, id, 'GoingBack').waitFor();
        await customer.page.reload();
        await payment(customer, id, 'GoingBack').waitFor();
        assert.equal(HANGUL.test(await customer.inCard(id, 'payment').textContent()), language === 'ko');
        await payment(customer, id, 'Refunded').waitFor();
    });
}
