import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newerRow, rowOfOrder } from '../../web/customer/orders.js';

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

test('an order out of stock can go back to being made', () => {
    const again = row('Requested', 3);
    assert.equal(newerRow(row('Out of stock', 2), again), again);
});

test('the first row is taken as it is', () => {
    const first = row('Requested', 1);
    assert.equal(newerRow(undefined, first), first);
});
