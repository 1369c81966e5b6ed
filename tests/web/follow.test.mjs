import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventCutter } from '../../web/shared/follow.js';

function cut(...pieces) {
    const events = [];
    const feed = eventCutter((event) => events.push(event));
    pieces.forEach(feed);
    return events;
}

const TEXT = ': hello\n\nid: 7\nevent: mypage\ndata: {"a":\ndata: 1}\n\nid: 8\ndata:x\n\nevent: reset\ndata:\n\n';
const EXPECTED = [
    { id: '7', name: 'mypage', data: '{"a":\n1}' },
    { id: '8', name: 'message', data: 'x' },
    { id: '8', name: 'reset', data: '' },
];

test('events are the same wherever the bytes are cut', () => {
    assert.deepEqual(cut(TEXT), EXPECTED);
    for (let at = 1; at < TEXT.length; at++) {
        assert.deepEqual(cut(TEXT.slice(0, at), TEXT.slice(at)), EXPECTED, `cut at ${at}`);
    }
});

test('lines may end with a carriage return, too', () => {
    assert.deepEqual(cut(TEXT.replaceAll('\n', '\r\n')), EXPECTED);
});

test('an event that has not ended is not told', () => {
    assert.deepEqual(cut('id: 9\ndata: half\n'), []);
});

test('a comment is no event', () => {
    assert.deepEqual(cut(':\n\n:\n\n'), []);
});
