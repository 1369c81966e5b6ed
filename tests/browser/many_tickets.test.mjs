/** 500 tickets on the kitchen's display: is it still smooth? */
import assert from 'node:assert/strict';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';
import { KitchenPage } from './pages/kitchen_page.mjs';

const { scenario } = openShop(MANUAL);

const TICKETS = 500;
const AT_ONCE = 25;
const FRAMES = 300;

/** Runs in the page: scrolls the lane up and down, and gives the time of each frame and of each long task, in ms. */
async function scrollAndMeasure(frames) {
    const long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ entryTypes: ['longtask'] });
    const lane = [...document.querySelectorAll('.tiles, .lanes, html')].find((one) => one.scrollHeight > one.clientHeight + 100);
    const times = [];
    await new Promise((resolve) => {
        let last = performance.now();
        const frame = (now) => {
            times.push(now - last);
            last = now;
            lane.scrollTop += times.length % 100 < 50 ? 40 : -40;
            if (times.length < frames) {
                requestAnimationFrame(frame);
            } else {
                resolve();
            }
        };
        requestAnimationFrame(frame);
    });
    return { times, long, moved: lane.scrollHeight };
}

const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
const told = (times) => {
    const sorted = [...times].sort((a, b) => a - b);
    return `p50 ${at(sorted, 0.5).toFixed(1)} ms, p95 ${at(sorted, 0.95).toFixed(1)} ms, p99 ${at(sorted, 0.99).toFixed(1)} ms, worst ${sorted.at(-1).toFixed(1)} ms`;
};

scenario(`${TICKETS} tickets are on the board, and frames keep coming while it scrolls and changes`, async ({ shop, visit, tell }) => {
    const items = ['Americano', 'Latte', 'Tea', 'Mocha', 'Cappuccino'];
    const orders = [];
    for (let n = 0; n < TICKETS; n += AT_ONCE) {
        orders.push(...await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => shop.order(items[(n + i) % items.length], 1 + (i % 4)))));
    }
    await eventually('all have arrived in the kitchen', async () =>
        (await shop.must('GET', '/products/search/open'))._embedded.products.length === TICKETS, { within: 60_000 });
    const kitchen = await KitchenPage.open(await visit({ device: 'tablet' }));
    await eventually('all are drawn', async () => (await kitchen.at('ticket').count()) === TICKETS);
    const quiet = await kitchen.page.evaluate(scrollAndMeasure, FRAMES);
    tell(`${TICKETS} tickets, scrolling, nothing new: ${told(quiet.times)}; long tasks ${quiet.long.length}, longest ${Math.round(Math.max(0, ...quiet.long))} ms`);
    /* Now with a kitchen that works: starts, finishes, cancellations and new ones while it scrolls. */
    const work = (async () => {
        for (let n = 0; n < 30; n++) {
            const ticket = await shop.ticketOf(orders[n].id);
            await shop.workOn(ticket.id, 'Producing').catch(() => {}); /* may have run out by now, which is a change as well */
            await shop.order(items[n % items.length]);
            await shop.ask('PATCH', `/orders/${orders[TICKETS - 1 - n].id}`, { status: 'Canceled' });
        }
    })();
    const busy = await kitchen.page.evaluate(scrollAndMeasure, FRAMES);
    await work;
    tell(`${TICKETS} tickets, scrolling, 90 changes: ${told(busy.times)}; long tasks ${busy.long.length}, longest ${Math.round(Math.max(0, ...busy.long))} ms`);
    assert.equal(quiet.times.length, FRAMES);
    assert.equal(busy.times.length, FRAMES);
    const shown = (await shop.must('GET', '/products/search/open'))._embedded.products.length;
    await eventually('the board is the shop’s list again', async () =>
        (await kitchen.page.locator('[data-testid=ticket]:not(.gone)').count()) === shown, { within: 30_000 });
});
