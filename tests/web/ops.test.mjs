import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketGrowth, buckets, growth, parseMetrics, quantile, samples, sum } from '../../web/ops/metrics.js';
import { countsOf, moneyOf } from '../../web/ops/payments.js';
import { problems, verdictOf } from '../../web/ops/verdict.js';
import { countersOf, failuresOf, figuresOf, isPaid, paymentsOf } from '../../web/ops/watch.js';
import { money } from '../../web/shared/language.js';

const TEXT = `# HELP coffeeshop_http_requests_total Requests answered, by class of status.
# TYPE coffeeshop_http_requests_total counter
coffeeshop_http_requests_total{code="2xx"} 6
coffeeshop_http_requests_total{code="4xx"} 2
x{a="say \\"1\\"",b="y"} 1.5
t_bucket{le="1"} 0
t_bucket{le="2"} 8
t_bucket{le="+Inf"} 10
process_start_time_seconds 1795452733.18
`;

test("Prometheus' text is read with its labels", () => {
    const metrics = parseMetrics(TEXT);
    assert.equal(sum(metrics, 'coffeeshop_http_requests_total'), 8);
    assert.equal(sum(metrics, 'coffeeshop_http_requests_total', { code: '4xx' }), 2);
    assert.equal(samples(metrics, 'x', { b: 'y' })[0].value, 1.5);
    assert.equal(samples(metrics, 'process_start_time_seconds')[0].value, 1795452733.18);
    assert.deepEqual(buckets(metrics, 't'), [[1, 0], [2, 8], [Infinity, 10]]);
});

test('quantiles lie within their bucket; what is beyond the last bound is at least that', () => {
    const list = [[1, 0], [2, 8], [Infinity, 10]];
    assert.equal(quantile(list, 0.4), 1.5);
    assert.equal(quantile(list, 0.99), 2);
    assert.equal(quantile([[1, 0], [Infinity, 0]], 0.5), null);
    assert.equal(quantile([], 0.5), null);
});

test('a counter that is smaller than before began anew', () => {
    assert.equal(growth(10, 15), 5);
    assert.equal(growth(10, 3), 3);
    assert.deepEqual(bucketGrowth([[1, 2], [Infinity, 4]], [[1, 3], [Infinity, 9]]), [[1, 1], [Infinity, 5]]);
    assert.deepEqual(bucketGrowth([[1, 2], [Infinity, 4]], [[1, 0], [Infinity, 1]]), [[1, 0], [Infinity, 1]]);
});

const well = (metrics = '') => ({ state: 'up', metrics: parseMetrics(metrics), forbidden: false });
const shop = (changes = {}) => ({ order: well(), product: well(), stock: well(), customercenter: well(), ...changes });

test('figures are what happened between two looks, a minute', () => {
    const at = (n) => countersOf(shop({ order: well(`coffeeshop_http_requests_total{code="4xx"} ${n}`) }), n * 10);
    const figures = figuresOf(at(1), at(4), 30_000, at(1));
    assert.equal(figures.orders, 60);
    assert.equal(figures.rejected, 6);
    assert.equal(figures.failed, 0);
    assert.equal(figures.median, null);
});

test('what could not be asked is not told as nothing', () => {
    const blind = countersOf(shop({ stock: { state: 'down', metrics: null } }), null);
    const figures = figuresOf(blind, blind, 60_000, blind);
    assert.equal(figures.orders, null);
    assert.equal(figures.rejected, null);
});

const WAITING = { state: 'waiting', metrics: null, forbidden: false };
const each = (look) => ({ order: look, product: look, stock: look, customercenter: look });
const keys = (watch, latest = {}) => problems({ tickets: [], restarts: [], ...watch }, latest, 1_000_000_000).map((one) => one.key);

test('when all is well there is nothing to say, and nothing is said before anything is known', () => {
    assert.deepEqual(keys({ looks: shop() }), []);
    assert.deepEqual(keys({ looks: each(WAITING) }), []);
});

test('what is wrong is said in words, the worst first', () => {
    const looks = shop({
        stock: { state: 'down', metrics: null },
        product: well('coffeeshop_breaker_state{service="stock"} 1\ncoffeeshop_follower_connected{producer="stock"} 0\ncoffeeshop_dead_letters 2'),
    });
    const tickets = [{ status: 'Out of stock', productName: 'Latte', createdAt: '1970-01-10T00:00:00Z' },
        { status: 'Ready', productName: 'Tea', createdAt: '1970-01-10T00:00:00Z' }];
    assert.deepEqual(keys({ looks, tickets }, { lag: 9, failed: 1 }),
        ['down.stock', 'breaker.product.stock', 'notFollowing', 'slowView', 'deadLetters', 'failing', 'outOfStock', 'longWait']);
});

test('payment is one of the services where order asks it, and only there', () => {
    assert.equal(isPaid(shop({ order: well('coffeeshop_breaker_state{service="product"} 0') })), false);
    assert.equal(isPaid(shop({ order: well('coffeeshop_breaker_state{service="payment"} 0') })), true);
    assert.equal(isPaid(shop({ order: { state: 'down', metrics: null } })), null, 'while order is away it is what it was');
    assert.deepEqual(keys({ looks: shop({ payment: { state: 'down', metrics: null }, order: well('coffeeshop_breaker_state{service="payment"} 1') }) }),
        ['down.payment', 'breaker.order.payment']);
});

test('a fault that was asked for is said', () => {
    const slow = { ...well(), fault: 'told to be slow: every request waits 6000 ms' };
    assert.deepEqual(keys({ looks: shop({ stock: slow }) }), ['fault']);
});

test('a service that restarts again and again is named', () => {
    const restarts = [1, 2, 3].map((at) => ({ at, service: 'order' }));
    assert.deepEqual(keys({ looks: shop(), restarts }), ['restarting']);
    assert.deepEqual(keys({ looks: shop(), restarts: restarts.slice(1) }), []);
});

const verdict = (watch) => verdictOf(problems({ tickets: [], restarts: [], ...watch }, {}, 0), watch.looks);

test('a disk that is full is said in words, and what no words are known for as the service says it', () => {
    const unready = (reason) => ({ ...well(), state: 'unready', reason });
    assert.deepEqual(keys({ looks: shop({ stock: unready('commits fail; is the disk full?') }) }), ['disk']);
    const [found] = problems({ looks: shop({ stock: unready('the feed of order is another one') }), tickets: [], restarts: [] }, {}, 0);
    assert.deepEqual([found.key, found.values.reason, found.level], ['unready', 'the feed of order is another one', 3]);
});

test('commits that failed within the last minute are said, though the service calls itself ready again', () => {
    const at = (n) => countersOf(shop({ order: well(`coffeeshop_writer_failures_total ${n}`) }), 0);
    assert.deepEqual(failuresOf(at(3), at(5)), { order: 2, product: 0, stock: 0, customercenter: 0 });
    assert.deepEqual(keys({ looks: shop(), failures: failuresOf(at(3), at(5)) }), ['commits']);
    assert.deepEqual(keys({ looks: shop(), failures: failuresOf(at(5), at(5)) }), []);
    assert.deepEqual(failuresOf(undefined, at(5)), {});
});

test('who can not reach the shop is told that, and nothing else', () => {
    const looks = each({ state: 'unknown', metrics: null, forbidden: false });
    assert.deepEqual(keys({ looks, tickets: null, failures: {} }), ['unreachable']);
    assert.equal(verdict({ looks }), 'unknown');
});

test('nothing is called well that was not seen', () => {
    assert.equal(verdict({ looks: shop() }), 'well');
    assert.equal(verdict({ looks: each(WAITING) }), 'unknown');
    assert.equal(verdict({ looks: shop({ product: WAITING }) }), 'unknown');
    assert.equal(verdict({ looks: shop({ product: WAITING, stock: { state: 'down', metrics: null } }) }), 'trouble', 'who has still to answer makes it no better');
    assert.equal(verdict({ looks: shop({ stock: { state: 'unknown', metrics: null } }) }), 'trouble');
    assert.equal(verdict({ looks: each({ state: 'up', metrics: null, forbidden: true }) }), 'barred');
});

const row = (status, currency, count, taken = 0, givenBack = 0) => ({ day: '2026-03-02', status, currency, count, amount: 9, taken, givenBack, left: taken - givenBack });
const SUMMARY = {
    timezone: 'Asia/Seoul', from: '2026-03-02', to: '2026-03-02',
    sums: [row('Pending', 'KRW', 1), row('Authorized', 'KRW', 2), row('Captured', 'KRW', 30, 3000), row('Refunded', 'KRW', 4, 400, 400), row('Voided', 'KRW', 5),
        row('Declined', 'KRW', 6), row('Captured', 'USD', 1, 450)],
    unresolved: [{ status: 'Pending', currency: 'KRW', count: 7, amount: 1 }, { status: 'Authorized', currency: 'KRW', count: 8, amount: 1 },
        { status: 'Authorized', currency: 'USD', count: 1, amount: 1 }, { status: 'Captured', currency: 'KRW', count: 2, amount: 1 }],
};

test('payments are counted as what they are: what was given back had been approved, what was released moved nothing', () => {
    assert.deepEqual(countsOf(SUMMARY), { approved: 37, declined: 6, unanswered: 1, refunded: 4, released: 5, unresolved: 18, authorized: 9, pending: 7, returning: 2 });
    assert.deepEqual(countsOf(undefined), {}, 'what is not known is not 0');
});

test('money is added up by currency', () => {
    assert.deepEqual(moneyOf(SUMMARY), [{ currency: 'KRW', taken: 3400, givenBack: 400, left: 3000 }, { currency: 'USD', taken: 450, givenBack: 0, left: 450 }]);
    assert.deepEqual(moneyOf({ sums: [] }), []);
});

test("money is shown in the currency's own unit, of which its minor one is a part", () => {
    globalThis.document = { documentElement: { lang: 'en' } };
    assert.deepEqual([money(4500, 'KRW'), money(450, 'USD'), money(4500, 'KWD').replace(/\s/, ' '), money(0, 'KRW')], ['₩4,500', '$4.50', 'KWD 4.500', '₩0']);
    delete globalThis.document;
});

const PAID = shop({ order: well('coffeeshop_breaker_state{service="payment"} 0') });
const BLIND = { metrics: null, forbidden: false };

/** What is known of payments when the summary is answered so. */
async function knownWhen(answer, paid = true, looks = PAID) {
    const asked = [];
    globalThis.fetch = async (path) => (asked.push(path), answer());
    const { state } = await paymentsOf(paid, looks);
    return { state, asked };
}

const says = (status, body) => () => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

test('of payments is known what payment says, and only then that there are none when it says so', async () => {
    assert.deepEqual(await knownWhen(says(200, SUMMARY)), { state: 'known', asked: ['/payments/summary'] });
    assert.equal((await knownWhen(says(200, { ...SUMMARY, sums: [], unresolved: [] }))).state, 'known');
    assert.equal((await knownWhen(says(503, { status: 503 }))).state, 'unknown');
    assert.equal((await knownWhen(says(200, {}))).state, 'unknown');
    assert.equal((await knownWhen(() => Promise.reject(new Error('away')))).state, 'unknown');
    assert.equal((await knownWhen(says(403, {}))).state, 'forbidden');
});

test('one pays at the counter where order says so; where it is silent that is not known', async () => {
    assert.deepEqual(await knownWhen(says(200, SUMMARY), null, shop()), { state: 'counter', asked: [] });
    assert.deepEqual(await knownWhen(says(200, SUMMARY), null, shop({ order: BLIND })), { state: 'unknown', asked: [] });
    assert.deepEqual(await knownWhen(says(200, SUMMARY), false, shop({ order: BLIND })), { state: 'unknown', asked: [] }, 'what it was once is not what it is');
    assert.equal((await knownWhen(says(200, SUMMARY), null, shop({ order: { ...BLIND, forbidden: true } }))).state, 'forbidden');
    assert.deepEqual(await knownWhen(says(200, SUMMARY), true, { ...PAID, payment: { ...BLIND, state: 'down' } }), { state: 'unknown', asked: [] }, 'who hangs is not asked more');
    assert.equal((await knownWhen(says(200, SUMMARY), true, shop({ order: BLIND }))).state, 'known', 'order is away, and payment answers');
});
