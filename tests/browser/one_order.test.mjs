/** However often it is sent, one order is one order. */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { PATIENT } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop(PATIENT);

const countOf = async (shop) => (await shop.all('orders')).length;

/** Notes the Idempotency-Key of each order that the page sends, and what `then(route, n)` does with the n-th. */
async function sendsOf(customer, then) {
    const keys = [];
    await customer.page.route('**/orders', async (route) => {
        if (route.request().method() !== 'POST') {
            return route.continue();
        }
        keys.push(await route.request().headerValue('Idempotency-Key'));
        return then(route, keys.length);
    });
    return keys;
}

/** The shop has taken it, but its answer is lost on the way back. */
async function loseAnswer(route) {
    const answer = await route.fetch();
    assert.equal(answer.status(), 201);
    await route.abort('connectionreset');
}

for (const language of ['ko', 'en']) {
    scenario(`a double touch makes one order (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const before = await countOf(shop);
        await customer.pick('Americano');
        await customer.at('order-send').evaluate((button) => {
            button.click();
            button.click();
            button.form.requestSubmit();
        });
        await customer.at('order').first().waitFor();
        customer.orderedAt = performance.now();
        await customer.pick('Americano');
        await customer.at('order-send').dblclick({ force: true });
        await eventually('the second order is there', async () => (await customer.numbers()).length === 2);
        assert.equal(await countOf(shop), before + 2);
        assert.equal(await customer.at('order-sheet').count(), 0, 'the second touch picked nothing that lay behind');
    });

    scenario(`a lost answer makes one order, and the page says that it is still being sent (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const before = await countOf(shop);
        const keys = await sendsOf(customer, (route, n) => (n <= 2 ? loseAnswer(route) : route.continue()));
        await customer.order('Latte');
        await customer.at('pending').locator('.notice').waitFor();
        await customer.at('order').first().waitFor();
        await customer.at('pending').waitFor({ state: 'detached' });
        assert.equal(keys.length, 3);
        assert.equal(new Set(keys).size, 1, 'every time under the same key');
        assert.ok(keys[0]);
        assert.equal(await countOf(shop), before + 1);
    });
}

scenario('a reload while it is being sent keeps its key', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = await countOf(shop);
    const keys = await sendsOf(customer, (route, n) => (n === 1 ? route.fetch() : route.continue())); /* the first is never answered */
    await customer.order('Mocha');
    await eventually('the shop has it', async () => (await countOf(shop)) === before + 1);
    await customer.page.reload();
    await customer.at('order').first().waitFor();
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
    assert.equal(await countOf(shop), before + 1);
    assert.equal(await customer.at('pending').count(), 0);
});

scenario('two windows that wake up with the same unsent order make one of it', async ({ shop, visit }) => {
    const visitor = await visit();
    const customer = await CustomerPage.open(visitor);
    const before = await countOf(shop);
    await sendsOf(customer, (route) => route.abort('internetdisconnected'));
    await customer.order('Tea');
    await customer.at('pending').waitFor();
    const second = new CustomerPage(visitor, await visitor.openWindow('/'));
    await second.at('order').first().waitFor();
    await customer.page.unroute('**/orders');
    await customer.at('order').first().waitFor();
    assert.deepEqual(await customer.numbers(), await second.numbers());
    assert.equal(await countOf(shop), before + 1);
});

scenario('two orders on purpose are two', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = await countOf(shop);
    await customer.orderAndRead('Americano');
    await customer.orderAndRead('Americano');
    assert.equal(await countOf(shop), before + 2);
});

scenario('what the shop refuses is said and not sent again', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit({ language: 'en' }));
    const before = await countOf(shop);
    const keys = await sendsOf(customer, (route) => route.continue({ postData: JSON.stringify({ productName: 'Gravel', qty: 1 }) }));
    await customer.order('Americano');
    const card = customer.at('pending');
    await card.locator('[role=alert]').waitFor();
    assert.match(await card.textContent(), /Gravel|menu/i);
    await card.getByRole('button').click();
    await card.waitFor({ state: 'detached' });
    await customer.page.reload();
    await customer.menuItem('Americano').waitFor();
    await customer.at('no-orders').waitFor();
    assert.equal(keys.length, 1);
    assert.equal(await countOf(shop), before);
});

const HOUR_MS = 3_600_000;
const remembered = (customer) => customer.page.evaluate(() => JSON.parse(localStorage.getItem('coffeeshop.pending')));

for (const language of ['ko', 'en']) {
    scenario(`an order that could not be sent two days ago is asked about, not sent (${language})`, async ({ shop, visit }) => {
        const visitor = await visit({ language });
        const before = await countOf(shop);
        const left = { key: `left-${language}`, productName: 'Mocha', qty: 3, at: Date.now() - 48 * HOUR_MS };
        await visitor.go('/no-such-page');
        await visitor.page.evaluate((one) => localStorage.setItem('coffeeshop.pending', JSON.stringify([one, { ...one, key: `${one.key}-2`, productName: 'Tea' }])), left);
        const sent = [];
        visitor.page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
        const customer = await CustomerPage.open(visitor);
        const card = (name) => customer.page.locator('[data-testid=pending][data-phase=old]').filter({ hasText: name });
        const [mocha, tea] = language === 'ko' ? ['모카', '차'] : ['Mocha', 'Tea'];
        await card(mocha).waitFor();
        await card(tea).getByTestId('pending-withdraw').click();
        await customer.at('pending').and(customer.page.locator('[data-phase=withdrawn]')).getByTestId('pending-close').click();
        await customer.page.reload(); /* nobody has said yes to the other one: it is asked about again */
        await card(mocha).waitFor();
        assert.equal(await customer.at('pending').count(), 1, 'what was withdrawn stays so');
        assert.deepEqual(sent, []);
        assert.equal(await countOf(shop), before);
        await card(mocha).getByTestId('pending-send').click();
        await customer.at('order').first().waitFor();
        assert.equal(await countOf(shop), before + 1);
        const [id] = await customer.numbers();
        assert.deepEqual([(await shop.getOrder(id)).productName, (await shop.getOrder(id)).qty], ['Mocha', 3]);
    });
}

scenario('while the shop has not answered an order can be withdrawn, and is not sent any more', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit({ language: 'en' }));
    const before = await countOf(shop);
    const keys = await sendsOf(customer, (route) => route.abort('internetdisconnected'));
    await customer.order('Latte');
    await customer.at('pending-withdraw').click();
    const note = customer.page.locator('[data-testid=pending][data-phase=withdrawn]');
    await note.waitFor();
    assert.match(await note.textContent(), /not known/, 'whether it had arrived is not claimed');
    assert.deepEqual(await remembered(customer), []);
    await customer.page.unroute('**/orders');
    const sent = keys.length;
    const next = await customer.orderAndRead('Tea'); /* sent and answered after the first would have been tried again */
    await customer.see(next, 'Requested');
    await customer.page.reload();
    await customer.see(next, 'Requested');
    assert.equal(keys.length, sent);
    assert.equal(await countOf(shop), before + 1);
});

scenario('an order that had arrived before it was withdrawn is shown as the order that it is', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = await countOf(shop);
    let release = null;
    await sendsOf(customer, async (route) => {
        const answer = await route.fetch();
        await new Promise((resolve) => { release = resolve; });
        await route.fulfill({ response: answer });
    });
    await customer.order('Latte');
    await customer.at('pending-withdraw').click();
    await customer.page.locator('[data-testid=pending][data-phase=withdrawn]').waitFor();
    release();
    await customer.at('order').first().waitFor();
    await customer.at('pending').waitFor({ state: 'detached' });
    assert.equal(await countOf(shop), before + 1);
});

for (const language of ['ko', 'en']) {
    scenario(`when the price is another than the one shown it is asked first (${language})`, async ({ shop, visit }) => {
        const visitor = await visit({ language });
        await visitor.page.route('**/menu', async (route) => { /* the menu of before the prices went up */
            const answer = await route.fetch();
            const body = await answer.json();
            body._embedded.menu.forEach((one) => { one.price -= 500; });
            await route.fulfill({ response: answer, json: body });
        });
        const customer = await CustomerPage.open(visitor);
        const before = await countOf(shop);
        const { price } = (await shop.must('GET', '/menu'))._embedded.menu.find((one) => one.name === 'Latte');
        await customer.order('Latte', 2);
        const card = customer.page.locator('[data-testid=pending][data-phase=price]');
        await card.waitFor();
        assert.deepEqual((await card.getByRole('alert').textContent()).match(/\d+,\d+/g).map((text) => Number(text.replace(',', ''))), [2 * (price - 500), 2 * price]);
        assert.equal(await countOf(shop), before, 'nothing is ordered yet');
        await card.getByTestId('pending-accept').click();
        await customer.at('order').first().waitFor();
        await customer.at('pending').waitFor({ state: 'detached' });
        assert.equal(await countOf(shop), before + 1);
        const [id] = await customer.numbers();
        assert.equal((await shop.getOrder(id)).amount, 2 * price);
    });
}
