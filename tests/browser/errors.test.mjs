/** What the gateway itself has to say is a page when a browser asks, and a problem document for everything else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { eventually } from './lib/eventually.mjs';
import { openShop } from './lib/scenario.mjs';
import { NO_RESTART, QUICK } from './lib/shop.mjs';

const { scenario } = openShop({ ...QUICK, ...NO_RESTART });
const strict = openShop({ ...QUICK, 'gateway.unlimited': '', 'gateway.connections': 1 });

/** A request whose body doesn't come. */
async function begin(url) {
    const { hostname, port } = new URL(url);
    const socket = net.connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.write('POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n');
    return socket;
}

/** Goes somewhere that is an error, and checks the page that says so. */
async function seeError(visitor, where, status, language) {
    const answer = await visitor.page.goto(where);
    assert.equal(answer.status(), status);
    assert.match(answer.headers()['content-type'], /^text\/html/);
    assert.equal(await visitor.page.evaluate(() => document.documentElement.lang), language);
    assert.equal(/[가-힣]/.test(await visitor.page.locator('h1').textContent()), language === 'ko');
    assert.equal(await visitor.page.locator('a[href="/"]').count() > 0, true, 'it shows the way out');
    return answer;
}

for (const language of ['ko', 'en']) {
    scenario(`an address that is none is a page with a way home (${language})`, async ({ shop, visit }) => {
        const visitor = await visit({ language });
        await seeError(visitor, '/no/such/place', 404, language);
        await visitor.page.locator('a[href="/"]').first().click();
        await visitor.page.getByTestId('menu').waitFor();
        const program = await shop.ask('GET', '/no/such/place');
        assert.equal(program.status, 404);
        assert.match(program.headers.get('Content-Type'), /problem\+json/);
    });

    strict.scenario(`too many requests is a page that says to wait (${language})`, async ({ shop, visit }) => {
        const visitor = await visit({ language });
        const slow = await eventually('a slow request is under way, which is all that this address may have', async () => {
            const begun = await begin(shop.url); /* refused itself while something of the visitor's is under way */
            if ((await shop.ask('GET', '/menu')).status === 429) return begun;
            begun.destroy();
            return null;
        });
        const answer = await seeError(visitor, '/', 429, language);
        assert.ok(Number(answer.headers()['retry-after']) > 0);
        const program = await shop.ask('GET', '/menu');
        assert.equal(program.status, 429);
        assert.match(program.headers.get('Content-Type'), /problem\+json/);
        slow.destroy();
        await eventually('there is room again', async () => (await shop.ask('GET', '/menu')).status === 200);
    });
}

scenario('what the page says of an address is never markup', async ({ visit }) => {
    const visitor = await visit();
    for (const hostile of ['/<img src=x onerror=alert(1)>', '/%3Cscript%3Ealert(1)%3C/script%3E', '/"onmouseover="alert(1)']) {
        const answer = await visitor.page.goto(hostile);
        assert.ok(answer.status() >= 400);
        assert.equal(await visitor.page.locator('script, img[src=x], [onmouseover]').count(), 0);
    }
});

/* The last one here: orders stays away. */
for (const language of ['ko', 'en']) {
    scenario(`a service that is down is a page that says when to come back (${language})`, async ({ shop, visit }) => {
        if (shop.pidOf('order')) {
            await shop.kill('order');
        }
        const visitor = await visit({ language });
        const answer = await seeError(visitor, '/orders/1', 503, language);
        assert.ok(Number(answer.headers()['retry-after']) > 0);
        const program = await shop.ask('GET', '/orders/1', undefined, { Accept: 'application/json' });
        assert.equal(program.status, 503);
        assert.match(program.headers.get('Content-Type'), /problem\+json/);
    });
}
