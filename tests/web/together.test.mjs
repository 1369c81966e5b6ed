import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, EVERYTHING } from '../../web/shared/together.js';

test('one stream is of all orders that any window wants, each once', () => {
    assert.equal(addressOf([[7, 3], [3], []]), '/mypages/stream?orderId=3&orderId=7');
});

test('a window that wants everything has everything, and so have the others', () => {
    assert.equal(addressOf([[7, 3], EVERYTHING]), '/mypages/stream');
});

test('of more orders than a stream may be of, the newest are followed', () => {
    const ids = Array.from({ length: 30 }, (_, i) => i + 1);
    const asked = [...addressOf([ids.slice(0, 15), ids.slice(10)]).matchAll(/\d+/g)].map(Number);
    assert.deepEqual(asked, ids.slice(10));
});
