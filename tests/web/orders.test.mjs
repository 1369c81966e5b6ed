import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasEnded, isGivenUp, mayBePaidBack, newerRow, rowOfOrder } from '../../web/customer/order_row.js';
import { isFresh } from '../../web/customer/sending.js';

const row = (orderStatus, entries) => ({ orderId: 1, orderStatus, timeline: Array.from({ length: entries }, (_, i) => ({ at: i })) });

test('an old row never replaces a newer one', () => {
    const newer = row('Producing', 3);
    assert.equal(newerRow(newer, row('Requested', 1)), newer);
    assert.equal(newerRow(row('Requested', 1), newer), newer);
});

test('an order that has ended stays ended, though the view has not heard of it yet', () => {
    const canceled = rowOfOrder({ id: 1, status: 'Canceled', createdAt: 'a', updatedAt: 'b', productName: 'Latte', qty: 1 });
    assert.equal(canceled.timeline.length, 2);
    assert.equal(newerRow(canceled, row('Requested', 1)), canceled);
    assert.equal(newerRow(canceled, row('Requested', 2)), canceled);
    const whole = row('Canceled', 3);
    assert.equal(newerRow(canceled, whole), whole);
});

test('an order that the shop gave up is told from one that its customer cancelled, whoever tells of it', () => {
    const order = { id: 1, status: 'Canceled', createdAt: 'a', updatedAt: 'b', productName: 'Latte', qty: 1 };
    assert.equal(isGivenUp(rowOfOrder(order)), false);
    assert.equal(isGivenUp(rowOfOrder({ ...order, cancelReason: 'Out of stock' })), true);
    const halfWay = { orderId: 1, orderStatus: 'Out of stock', timeline: [{ at: 'a', type: 'ProductCanceled', status: 'Canceled', reason: 'Out of stock' }] };
    assert.equal(isGivenUp(halfWay), false, 'order itself has not said so yet');
    assert.equal(isGivenUp(rowOfOrder({ ...order, cancelReason: 'Out of stock' }, halfWay)), true);
});

test('an order out of stock can go back to being made', () => {
    const again = row('Requested', 3);
    assert.equal(newerRow(row('Out of stock', 2), again), again);
});

test('the first row is taken as it is', () => {
    const first = row('Requested', 1);
    assert.equal(newerRow(undefined, first), first);
});

const at = (second) => new Date(1_700_000_000_000 + second * 1_000).toISOString();
const viewRow = (orderStatus, ...timeline) => ({ orderId: 1, orderStatus, timeline: timeline.map(([second, type, status]) => ({ at: at(second), type, status })) });
const ownersRow = (status, second, known) => rowOfOrder({ id: 1, status, createdAt: at(0), updatedAt: at(second), productName: 'Latte', qty: 1 }, known);
const taken = viewRow('Requested', [0, 'Ordered', 'Requested'], [4, 'StockReduced', null]);

test('what the owner says counts while the view is behind, and what was known of the way is kept', () => {
    const owners = ownersRow('Producing', 5, taken);
    assert.equal(newerRow(taken, owners), owners);
    assert.deepEqual(owners.timeline.map((one) => one.type), ['Ordered', 'StockReduced', 'Seen']);
    assert.equal(newerRow(owners, taken), owners, 'a view that is still behind changes nothing');
    const done = ownersRow('Completed', 9, owners);
    assert.deepEqual(done.timeline.map((one) => one.type), ['Ordered', 'StockReduced', 'Seen'], 'what was only seen is said once');
    assert.equal(newerRow(owners, done), done);
});

test('a view that has caught up has the whole way, and is shown again', () => {
    const owners = ownersRow('Producing', 5, taken);
    const caughtUp = viewRow('Producing', [0, 'Ordered', 'Requested'], [4, 'StockReduced', null], [5, 'ProductionStarted', 'Producing']);
    assert.equal(newerRow(owners, caughtUp), caughtUp);
    const further = viewRow('Out of stock', [0, 'Ordered', 'Requested'], [6, 'OutOfStock', 'Out of stock']);
    assert.equal(newerRow(ownersRow('Requested', 0), further), further);
});

test('an order is sent by itself for ten minutes, and not when its time is one to come', () => {
    const MINUTE_MS = 60_000;
    assert.equal(isFresh(0, 9 * MINUTE_MS), true);
    assert.equal(isFresh(0, 10 * MINUTE_MS), false);
    assert.equal(isFresh(0, 2 * 24 * 60 * MINUTE_MS), false);
    assert.equal(isFresh(2 * MINUTE_MS, 0), false);
});

test('a cup that is done is followed for an hour more, since it may be paid back; one that is paid back isn\'t', () => {
    const done = { ...viewRow('Completed', [0, 'Ordered', 'Requested'], [10, 'Produced', 'Completed']), paymentStatus: 'Paid' };
    const soon = Date.parse(at(60));
    assert.equal(hasEnded(done), true);
    assert.equal(mayBePaidBack(done, soon), true);
    assert.equal(mayBePaidBack(done, Date.parse(at(2 * 3600))), false);
    assert.equal(mayBePaidBack({ ...done, paymentStatus: 'Refunded' }, soon), false);
    assert.equal(mayBePaidBack({ ...done, paymentStatus: undefined }, soon), false, 'paid at the counter');
    assert.equal(mayBePaidBack({ ...taken, paymentStatus: 'Paid' }, soon), false, 'that one is followed anyway');
});

test('money that has gone back stays so, whoever tells of it first', () => {
    const done = { ...viewRow('Completed', [0, 'Ordered', 'Requested'], [10, 'Produced', 'Completed']), paymentStatus: 'Paid' };
    const owners = rowOfOrder({ id: 1, status: 'Completed', paymentStatus: 'Refunded', createdAt: at(0), updatedAt: at(20), productName: 'Latte', qty: 1 }, done);
    assert.equal(newerRow(done, owners), owners);
    assert.equal(newerRow(owners, done), owners, 'the view is behind');
});
