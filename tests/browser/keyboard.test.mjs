/** Nobody needs a pointer. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { PATIENT } from './lib/shop.mjs';
import { CustomerPage } from './pages/customer_page.mjs';

const { scenario } = openShop(PATIENT);

/** What the focus is on: its testid, its drink, and whether it can be seen to be in focus. */
const focused = (page) => page.evaluate(() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return {
        testid: at.dataset.testid ?? null, item: at.dataset.item ?? null, name: at.localName,
        seen: at.matches(':focus-visible') && (style.outlineStyle !== 'none' || style.boxShadow !== 'none'),
    };
});

/** Presses Tab until the focus is where `wanted` says, and gives how often; each stop on the way has to be seen. */
async function tabTo(page, wanted, most = 40) {
    for (let presses = 1; presses <= most; presses++) {
        await page.keyboard.press('Tab');
        const at = await focused(page);
        assert.ok(at.name === 'body' || at.seen, `the focus shows on ${JSON.stringify(at)}`);
        if (wanted(at)) {
            return presses;
        }
    }
    return assert.fail(`${most} times Tab, and not there`);
}

for (const language of ['ko', 'en']) {
    scenario(`an order is placed, read and cancelled with the keyboard alone (${language})`, async ({ shop, visit }) => {
        const customer = await CustomerPage.open(await visit({ language, device: 'desktop' }));
        const { page } = customer;
        await tabTo(page, (at) => at.item === 'Latte');
        await page.keyboard.press('Enter');
        await customer.at('order-sheet').waitFor();
        assert.equal((await focused(page)).testid, 'order-send', 'the dialog opens on its one button');
        await page.keyboard.press('Escape');
        await customer.at('order-sheet').waitFor({ state: 'detached' });
        assert.equal((await focused(page)).item, 'Latte', 'the focus goes back to where it came from');
        await page.keyboard.press('Enter');
        await customer.at('order-sheet').waitFor();
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.press('Shift+Tab');
        assert.equal((await focused(page)).testid, 'qty');
        await page.keyboard.press('Control+A');
        await page.keyboard.type('2');
        await page.keyboard.press('Enter');
        await customer.at('order').first().waitFor();
        const [id] = await customer.numbers();
        assert.equal((await shop.getOrder(id)).qty, 2);
        await page.waitForFunction((text) => document.querySelector('[data-testid=announcer]').textContent.includes(text), String(id));
        await tabTo(page, (at) => at.testid === 'cancel');
        await page.keyboard.press('Enter');
        await customer.see(id, 'Canceled');
        assert.equal((await shop.waitOrder(id, 'Canceled')).qty, 2);
    });
}

scenario('the focus never leaves an open dialog', async ({ visit }) => {
    const customer = await CustomerPage.open(await visit({ device: 'desktop' }));
    await customer.pick('Americano');
    for (let presses = 0; presses < 12; presses++) {
        await customer.page.keyboard.press('Tab');
        const { inside, where } = await customer.page.evaluate(() => ({
            inside: document.activeElement === document.body || document.activeElement.closest('dialog') !== null,
            where: document.activeElement.outerHTML.slice(0, 100),
        }));
        assert.ok(inside, where);
    }
});
