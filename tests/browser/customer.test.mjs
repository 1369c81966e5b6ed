/** The customer's page, from the menu to the cup. */
import assert from 'node:assert/strict';
import { DEVICES } from './lib/chromium.mjs';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

/* Long enough for each step to be seen, short enough to wait for. */
const { scenario } = openShop({ 'product.start_after_ms': 1_500, 'product.brew_ms': 1_000 });

const HANGUL = /[가-힣]/;

for (const language of ['ko', 'en']) {
    scenario(`an order is two touches, and is watched to the cup without reloading (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'phone' }));
        let loads = 0;
        customer.page.on('load', () => loads++);
        await customer.menuItem('Latte').tap();
        await customer.at('order-send').tap();
        await customer.at('order').first().waitFor();
        const [id] = await customer.numbers();
        assert.deepEqual((({ productName, qty }) => ({ productName, qty }))(await shop.getOrder(id)), { productName: 'Latte', qty: 1 });
        for (const status of ['Requested', 'Producing', 'Completed']) {
            await customer.see(id, status);
        }
        assert.equal(loads, 0);
        const timeline = await eventually('the timeline is whole', async () => {
            const shown = await customer.timeline(id);
            return shown.includes('Produced') && shown;
        });
        assert.equal(timeline[0], 'Ordered');
        assert.ok(timeline.indexOf('ProductionStarted') < timeline.indexOf('Produced'));
        assert.equal(await customer.at('cancel').count(), 0, 'what is done can not be cancelled');
    });

    scenario(`the page is in the browser's language, and in the other one by its switch, also next time (${language})`, async ({ visit }) => {
        const customer = await CustomerPage.open(await visit({ language }));
        const spoken = () => customer.page.evaluate(() => document.documentElement.lang);
        const heading = () => customer.page.locator('#menu-title').textContent();
        assert.equal(await spoken(), language);
        assert.equal(HANGUL.test(await heading()), language === 'ko');
        await customer.at('language').click();
        const other = language === 'ko' ? 'en' : 'ko';
        await eventually('the other language', async () => (await spoken()) === other);
        assert.equal(HANGUL.test(await heading()), other === 'ko');
        await customer.page.reload();
        await customer.menuItem('Americano').waitFor();
        assert.equal(await spoken(), other);
        assert.equal(HANGUL.test(await heading()), other === 'ko');
        assert.equal(HANGUL.test(await customer.page.title()), other === 'ko');
    });

    for (const device of Object.keys(DEVICES)) {
        scenario(`the menu fits: names in both languages, prices, nothing cut off (${device}, ${language})`, async ({ shop, visit }) => {
            const customer = await CustomerPage.open(await visit({ language, device }));
            const sold = (await shop.must('GET', '/menu'))._embedded.menu;
            for (const item of sold) {
                const text = await customer.menuItem(item.name).textContent();
                assert.ok(text.includes(item.names.ko) && text.includes(item.names.en), text);
                assert.ok(text.replace(/\D/g, '').endsWith(String(item.price)), `${text} shows the price ${item.price}`);
            }
            assert.equal(await customer.at('menu-item').count(), sold.length);
            const { wide, room } = await customer.page.evaluate(() =>
                ({ wide: document.documentElement.scrollWidth, room: document.documentElement.clientWidth }));
            assert.ok(wide <= room, `nothing is wider than the screen: ${wide} of ${room}`);
            await customer.pick('Americano');
            const id = await (async () => {
                await customer.at('order-send').click();
                await customer.at('order').first().waitFor();
                return (await customer.numbers())[0];
            })();
            await customer.see(id, 'Completed');
        });
    }
}

scenario('how many is chosen by touch or typed, and what makes no sense is not sent', async ({ shop, visit }) => {
    const customer = await CustomerPage.open(await visit());
    const before = (await shop.all('orders')).length;
    await customer.pick('Mocha');
    await customer.at('qty-more').click();
    await customer.at('qty-more').click();
    await customer.at('qty-less').click();
    assert.equal(await customer.at('qty').inputValue(), '2');
    for (const nonsense of ['', '0', '-1', '1.5', '1e3', 'two', '100000']) {
        await customer.at('qty').fill(nonsense);
        await customer.at('order-send').click();
        await customer.at('qty-wrong').waitFor();
    }
    assert.equal((await shop.all('orders')).length, before);
    await customer.at('qty').fill('3');
    await customer.at('order-send').click();
    await customer.at('order').first().waitFor();
    const [id] = await customer.numbers();
    assert.equal((await shop.getOrder(id)).qty, 3);
});

scenario('orders are remembered on this device and live again after a reload', async ({ visit }) => {
    const customer = await CustomerPage.open(await visit());
    const first = await customer.orderAndRead('Tea');
    const second = await customer.orderAndRead('Latte', 2);
    await customer.page.reload();
    await customer.card(first).waitFor();
    await customer.card(second).waitFor();
    await customer.see(first, 'Completed');
    await customer.see(second, 'Completed');
    assert.deepEqual(await customer.numbers(), [second, first]);
    await customer.card(second).getByTestId('history').click();
    await customer.inCard(second, 'forget').click();
    assert.deepEqual(await customer.numbers(), [first]);
    await customer.page.reload();
    await customer.card(first).waitFor();
    assert.deepEqual(await customer.numbers(), [first]);
});

scenario('any order is opened by its number, and a number that is none is said to be none', async ({ shop, visit }) => {
    const elsewhere = await shop.order('Cappuccino', 2);
    const customer = await CustomerPage.open(await visit());
    await customer.openByNumber(elsewhere.id);
    await customer.see(elsewhere.id, 'Completed');
    await customer.openByNumber(elsewhere.id + 1_000_000);
    await customer.at('order-missing').waitFor();
    await customer.openByNumber('latte');
    await customer.page.locator('#by-number-wrong:not(:empty)').waitFor();
    const linked = await CustomerPage.open(await visit(), `#${elsewhere.id}`);
    await linked.see(elsewhere.id, 'Completed');
});

scenario('two windows of one device show the same orders', async ({ visit }) => {
    const visitor = await visit();
    const one = await CustomerPage.open(visitor);
    const two = new CustomerPage(visitor, await visitor.openWindow('/'));
    await two.menuItem('Americano').waitFor();
    const id = await one.orderAndRead('Americano');
    await two.see(id, 'Completed');
});
