/** Changing one's mind: in time, too late, and when the kitchen can't be asked. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { LONG_MS, NO_RESTART } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

/* Nobody starts anything for an hour, unless the barista does. */
const auto = openShop({ 'product.start_after_ms': LONG_MS });
const manual = openShop({ 'product.mode': 'manual', ...NO_RESTART });

for (const language of ['ko', 'en']) {
    auto.scenario(`an order is cancelled in time, and the time left is shown (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Americano', 2);
        const left = customer.inCard(id, 'time-left');
        await left.filter({ hasText: /\d/ }).waitFor();
        const seconds = Number((await left.textContent()).replace(/\D/g, ''));
        assert.ok(seconds > 3_500 && seconds <= 3_600, `${seconds} s of 3,600 are left`);
        await customer.inCard(id, 'cancel').click();
        await customer.see(id, 'Canceled');
        await shop.waitOrder(id, 'Canceled');
        assert.equal(await customer.inCard(id, 'cancel').count(), 0);
        assert.equal(await customer.inCard(id, 'cancel-answer').count(), 0);
        await customer.page.reload();
        await customer.see(id, 'Canceled');
    });

    manual.scenario(`a cancellation that comes too late gets an honest answer (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Latte');
        const ticket = await shop.ticketOf(id);
        await customer.page.route(`**/orders/${id}`, async (route) => {
            /* The customer touched in time, and the barista was faster. */
            if (route.request().method() === 'PATCH') {
                await shop.workOn(ticket.id, 'Producing');
            }
            await route.continue();
        });
        await customer.inCard(id, 'cancel').click();
        await customer.inCard(id, 'cancel-answer').waitFor();
        assert.equal(/[가-힣]/.test(await customer.inCard(id, 'cancel-answer').textContent()), language === 'ko');
        await customer.see(id, 'Producing');
        assert.equal((await shop.waitOrder(id, 'Producing')).status, 'Producing');
        assert.equal(await customer.inCard(id, 'cancel').count(), 0, 'there is nothing left to try');
        assert.equal(await customer.inCard(id, 'cancel-answer').count(), 1, 'the answer stays to be read');
        await shop.workOn(ticket.id, 'Completed');
        await customer.see(id, 'Completed');
    });
}

manual.scenario('with a barista the customer may cancel until it is started', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const id = await customer.orderAndRead('Mocha');
    const left = customer.inCard(id, 'time-left');
    await left.filter({ hasText: /barista/i }).waitFor();
    await customer.inCard(id, 'cancel').click();
    await customer.see(id, 'Canceled');
    await shop.waitOrder(id, 'Canceled');
});

auto.scenario('who cancels twice has cancelled once', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const id = await customer.orderAndRead('Tea');
    const asked = [];
    customer.page.on('request', (request) => request.method() === 'PATCH' && asked.push(request.url()));
    await customer.inCard(id, 'cancel').evaluate((button) => {
        button.click();
        button.click();
    });
    await customer.see(id, 'Canceled');
    assert.deepEqual(asked.map((url) => new URL(url).pathname), [`/orders/${id}`], 'it was asked for once');
    await shop.cancel(id); /* and who asks again gets the same answer */
    await shop.cancel((await shop.order('Tea')).id); /* the view has heard of this later than of all before */
    const timeline = await eventually('the view knows', async () => {
        const page = await shop.must('GET', `/mypages/${id}`);
        return page.orderStatus === 'Canceled' && page.timeline;
    });
    assert.equal(timeline.filter((one) => one.type === 'OrderCanceled').length, 1, JSON.stringify(timeline));
});

auto.scenario('a cancellation from another device shows here', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const id = await customer.orderAndRead('Tea');
    await shop.cancel(id);
    await customer.see(id, 'Canceled');
});

for (const language of ['ko', 'en']) {
    auto.scenario(`a cancellation whose answer is lost is neither said to be done nor to be undone (${language})`, async ({ visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Latte');
        await customer.link('live');
        await customer.page.route(`**/orders/${id}`, (route) =>
            (route.request().method() === 'PATCH' ? route.fulfill({ status: 503, json: { type: 'about:blank', title: 'Service Unavailable', status: 503 } }) : route.continue()));
        await customer.inCard(id, 'cancel').click();
        await customer.inCard(id, 'cancel-answer').waitFor();
        assert.match(await customer.inCard(id, 'cancel-answer').textContent(), language === 'ko' ? /알 수 없습니다/ : /not known/);
        await customer.page.unroute(`**/orders/${id}`);
        await customer.inCard(id, 'cancel').click();
        await customer.see(id, 'Canceled');
        assert.equal(await customer.inCard(id, 'cancel-answer').count(), 0, 'what is known now takes its place');
    });
}

for (const language of ['ko', 'en']) {
    auto.scenario(`a cancellation that the kitchen is too slow for is said to be unknown, and shows when it is known (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const id = await customer.orderAndRead('Latte');
        await shop.ticketOf(id);
        await customer.link('live');
        shop.pause('product');
        try {
            const [answer] = await Promise.all([
                customer.page.waitForResponse((one) => one.request().method() === 'PATCH'),
                customer.inCard(id, 'cancel').click(),
            ]);
            assert.equal((await answer.json()).type, 'outcome-unknown');
            await customer.inCard(id, 'cancel-answer').waitFor();
            const said = await customer.inCard(id, 'cancel-answer').textContent();
            assert.match(said, language === 'ko' ? /알 수 없습니다/ : /not known/);
            assert.doesNotMatch(said, /unchanged|그대로/);
            assert.equal(await customer.status(id), 'Requested');
        } finally {
            shop.resume('product');
        }
        await customer.see(id, 'Canceled'); /* nobody has touched anything */
        assert.equal(await customer.inCard(id, 'cancel-answer').count(), 0);
    });
}

/* The last one here: the kitchen stays away. */
manual.scenario('when the kitchen cannot be asked nothing is cancelled, and the page says so', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit({ language: 'en' }));
    const id = await customer.orderAndRead('Americano');
    await shop.ticketOf(id);
    await shop.kill('product');
    await customer.inCard(id, 'cancel').click();
    await customer.inCard(id, 'cancel-answer').waitFor();
    assert.match(await customer.inCard(id, 'cancel-answer').textContent(), /unchanged/);
    assert.equal(await customer.status(id), 'Requested');
    assert.equal((await shop.getOrder(id)).status, 'Requested');
    assert.equal(await customer.inCard(id, 'cancel').isEnabled(), true, 'it can be tried again');
});
