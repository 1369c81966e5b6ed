/** The stock keeper's page. */
import assert from 'node:assert/strict';
import { DEVICES } from './lib/chromium.mjs';
import { openShop } from './lib/scenario.mjs';
import { QUICK } from './lib/shop.mjs';
import { StockPage } from './pages/stock_page.mjs';

const { scenario } = openShop(QUICK);

/** The movements of an item, the newest first, as the page shows them: [{type, qty, text}]. */
async function movementsOf(stock, item) {
    await stock.inItem(item, 'show-movements').click();
    await stock.at('movements').locator('[aria-busy=false]').waitFor();
    const rows = await stock.at('movement').evaluateAll((all) =>
        all.map((row) => ({ type: row.dataset.type, qty: Number(row.dataset.qty), text: row.textContent })));
    await stock.at('movements-close').click();
    return rows;
}

for (const [language, item] of [['ko', 'Americano'], ['en', 'Latte']]) {
    scenario(`goods are received: what there will be is shown before it is sent (${language})`, async ({ shop, visit }) => {
        const stock = await StockPage.open(await visit({ language, device: 'tablet' }));
        const { qty } = await shop.stockOf(item);
        await stock.inItem(item, 'receive').click();
        await stock.at('amount').fill('25');
        assert.deepEqual((await stock.at('after').textContent()).match(/\d+/g).map(Number), [qty, 25, qty + 25]);
        assert.equal((await shop.stockOf(item)).qty, qty, 'nothing is sent yet');
        await stock.at('save').click();
        await stock.at('done').waitFor();
        assert.equal((await shop.stockOf(item)).qty, qty + 25);
        await stock.see(item, 'on-hand', qty + 25);
        const [newest] = await movementsOf(stock, item);
        assert.deepEqual([newest.type, newest.qty], ['StockReceived', 25]);
    });

    scenario(`a count is corrected with a reason, which stands in the movements (${language})`, async ({ shop, visit }) => {
        const stock = await StockPage.open(await visit({ language, device: 'tablet' }));
        const { qty } = await shop.stockOf(item);
        await stock.inItem(item, 'count').click();
        await stock.at('amount').fill(String(qty - 7));
        await stock.at('reason').selectOption('own');
        await stock.at('save').click();
        await stock.at('amount-wrong').waitFor();
        assert.equal((await shop.stockOf(item)).qty, qty, 'no correction without a reason');
        await stock.at('reason-words').fill('dropped by the cat / 고양이가 엎음');
        await stock.at('save').click();
        await stock.at('done').waitFor();
        assert.equal((await shop.stockOf(item)).qty, qty - 7);
        const [newest] = await movementsOf(stock, item);
        assert.deepEqual([newest.type, newest.qty], ['StockCorrected', -7]);
        assert.match(newest.text, /dropped by the cat \/ 고양이가 엎음/);
    });
}

scenario('a movement says for which order it was', async ({ shop, visit }) => {
    const order = await shop.order('Mocha', 3);
    await shop.waitOrder(order.id, 'Completed');
    const stock = await StockPage.open(await visit({ language: 'en', device: 'desktop' }));
    const [newest] = await movementsOf(stock, 'Mocha');
    assert.deepEqual([newest.type, newest.qty], ['StockReduced', -3]);
    assert.match(newest.text, new RegExp(`Order ${order.id}(?!\\d{3,})`));
});

for (const [language, words] of [['ko', /처음부터 있던 재고/], ['en', /what the shop began with/]]) {
    scenario(`what the shop began with is nobody's doing (${language})`, async ({ visit }) => {
        const stock = await StockPage.open(await visit({ language, device: 'desktop' }));
        const first = (await movementsOf(stock, 'Cappuccino')).pop();
        assert.match(first.text, words);
        assert.doesNotMatch(first.text, /keeper|재고 ?담당|재고 ?관리자|opening/);
    });
}

scenario('a hurried hand can not get it wrong', async ({ shop, visit }) => {
    const stock = await StockPage.open(await visit({ device: 'phone' }));
    const { qty } = await shop.stockOf('Tea');
    await stock.inItem('Tea', 'receive').click();
    for (const nonsense of ['', '0', '-5', '2.5', 'ten', '1e3']) {
        await stock.at('amount').fill(nonsense);
        await stock.at('save').click();
        await stock.at('amount-wrong').waitFor();
    }
    await stock.at('amount').fill('5000');
    await stock.at('save').click();
    await stock.at('amount-wrong').waitFor();
    assert.equal((await shop.stockOf('Tea')).qty, qty, 'so many only when it is said twice');
    await stock.at('sure').check();
    await stock.at('save').evaluate((button) => {
        button.click();
        button.form.requestSubmit();
    });
    await stock.at('done').waitFor();
    assert.equal((await shop.stockOf('Tea')).qty, qty + 5_000);
});

for (const language of ['ko', 'en']) {
    scenario(`1000 typed for 100 is asked about, and a slip is undone by a movement the other way round (${language})`, async ({ shop, visit }) => {
        const stock = await StockPage.open(await visit({ language, device: 'tablet' }));
        const { qty } = await shop.stockOf('Espresso');
        await stock.inItem('Espresso', 'receive').click();
        await stock.at('amount').fill('1000');
        await stock.at('save').click();
        await stock.at('amount-wrong').waitFor();
        assert.equal((await shop.stockOf('Espresso')).qty, qty, 'nothing is sent');
        await stock.at('sure').check();
        await stock.at('save').click();
        await stock.at('undo').waitFor();
        await stock.see('Espresso', 'on-hand', `${String(qty + 1_000).replace(/(\d)(\d{3})$/, '$1,?$2')}`);
        const sold = await shop.order('Espresso', 2);
        await shop.waitOrder(sold.id, 'Completed');
        await stock.at('undo').click();
        await stock.page.locator('[data-testid=done][data-what=undo]').waitFor();
        assert.equal(await stock.at('undo').count(), 0);
        assert.equal((await shop.stockOf('Espresso')).qty, qty - 2, 'what was sold meanwhile is sold');
        const [newest] = await movementsOf(stock, 'Espresso');
        assert.deepEqual([newest.type, newest.qty], ['StockCorrected', -1_000]);
        await shop.must('PATCH', `/stocks/${(await shop.stockOf('Espresso')).id}`, { qty: 100 });
    });
}

scenario('a delivery can be undone for a minute, by the page’s own clock, and no longer', async ({ visit }) => {
    const visitor = await visit({ device: 'tablet' });
    await visitor.page.clock.install();
    const stock = await StockPage.open(visitor);
    await stock.inItem('Cappuccino', 'receive').click();
    await stock.at('amount').fill('10');
    await stock.page.clock.pauseAt(await stock.page.evaluate(() => Date.now() + 1_000)); /* it goes on when we say so */
    await stock.at('save').click();
    await stock.at('undo').waitFor();
    await stock.page.clock.runFor(59_000);
    assert.equal(await stock.at('undo').count(), 1);
    await stock.page.clock.runFor(1_000);
    await stock.at('undo').waitFor({ state: 'detached' });
});

scenario('an undo whose answer is lost is made once, and one that asks for more than there is says so', async ({ shop, visit }) => {
    const stock = await StockPage.open(await visit({ language: 'en', device: 'tablet' }));
    const { id, qty } = await shop.stockOf('Latte');
    const receive = async () => {
        await stock.inItem('Latte', 'receive').click();
        await stock.at('amount').fill('50');
        await stock.at('save').click();
        await stock.at('undo').waitFor();
    };
    await receive();
    let asked = 0;
    await stock.page.route(`**/stocks/${id}`, async (route) => {
        if (++asked > 1) {
            return route.continue();
        }
        await route.fetch();
        return route.abort('connectionreset');
    });
    await stock.at('undo').click();
    await stock.at('undo-failed').waitFor();
    await stock.at('undo').click();
    await stock.page.locator('[data-testid=done][data-what=undo]').waitFor();
    assert.equal((await shop.stockOf('Latte')).qty, qty);
    await receive();
    await shop.setStock('Latte', 20);
    await stock.at('undo').click();
    await stock.at('undo-failed').filter({ hasText: '20' }).waitFor();
    assert.equal((await shop.stockOf('Latte')).qty, 20);
});

scenario('a correction undoes nothing of what was sold while it was typed', async ({ shop, visit }) => {
    const stock = await StockPage.open(await visit({ language: 'en', device: 'tablet' }));
    await shop.setStock('Tea', 100);
    await stock.see('Tea', 'on-hand', 100);
    await stock.inItem('Tea', 'count').click();
    await stock.at('amount').fill('98');
    const sold = await shop.order('Tea', 30);
    await shop.waitOrder(sold.id, 'Completed');
    await stock.at('moved').filter({ hasText: /70.*68/ }).waitFor();
    await stock.at('save').click();
    await stock.at('done').waitFor();
    assert.equal((await shop.stockOf('Tea')).qty, 68);
    const [newest] = await movementsOf(stock, 'Tea');
    assert.deepEqual([newest.type, newest.qty], ['StockCorrected', -2]);
});

scenario('a lost answer and a second press receive the goods once', async ({ shop, visit }) => {
    const stock = await StockPage.open(await visit({ device: 'tablet' }));
    const { qty } = await shop.stockOf('Cappuccino');
    const keys = [];
    await stock.page.route('**/stocks/receive', async (route) => {
        keys.push(await route.request().headerValue('Idempotency-Key'));
        if (keys.length > 1) {
            return route.continue();
        }
        await route.fetch();
        return route.abort('connectionreset');
    });
    await stock.inItem('Cappuccino', 'receive').click();
    await stock.at('amount').fill('10');
    await stock.at('save').click();
    await stock.at('save-failed').waitFor();
    await stock.at('save').click();
    await stock.at('done').waitFor();
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.equal((await shop.stockOf('Cappuccino')).qty, qty + 10);
});

scenario('what is low is marked, what is missing is listed with the orders that wait for it', async ({ shop, visit }) => {
    await shop.setStock('Mocha', 6);
    const stock = await StockPage.open(await visit({ device: 'desktop' }));
    await stock.inItem('Mocha', 'mark').click();
    await stock.at('amount').fill('6');
    await stock.at('save').click();
    await stock.at('done').waitFor();
    await stock.inItem('Mocha', 'low').waitFor();
    const order = await shop.order('Mocha', 8);
    await shop.waitOrder(order.id, 'Out of stock');
    const waiting = stock.at('waiting-orders').locator('[data-item=Mocha]');
    await waiting.filter({ hasText: String(order.id) }).waitFor();
    await stock.see('Mocha', 'waiting', 1);
    await stock.inItem('Mocha', 'receive').click();
    await stock.at('amount').fill('20');
    await stock.at('save').click();
    await stock.at('done').waitFor();
    await shop.waitOrder(order.id, 'Completed');
    await waiting.waitFor({ state: 'detached' });
    await stock.see('Mocha', 'on-hand', 18);
    await stock.inItem('Mocha', 'low').waitFor({ state: 'detached' });
});

for (const device of Object.keys(DEVICES)) {
    scenario(`the page fits (${device})`, async ({ visit }) => {
        const stock = await StockPage.open(await visit({ device, language: 'ko' }));
        const { wide, room } = await stock.page.evaluate(() =>
            ({ wide: document.documentElement.scrollWidth, room: document.documentElement.clientWidth }));
        assert.ok(wide <= room, `nothing is wider than the screen: ${wide} of ${room}`);
    });
}
