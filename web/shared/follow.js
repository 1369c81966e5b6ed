/** Following a stream of the shop (Server-Sent Events) until it is closed. Pages do so by together.js, which has one for all windows.
 *
 *  Not EventSource: that can't be told where to go on after its address changed, keeps quiet about the answer's head (the shop's
 *  time is there), and takes a dead connection for a silent one. Here a connection that is silent for longer than its heartbeat is
 *  lost; a lost one is made again, soon at first and then less often, at once when the device is back on the net,
 *  always from the last change seen (`Last-Event-ID`). */
import { hearTime } from './clock.js';

const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

/** Cuts text into events as it comes. `on` gets {id, name, data}. */
export function eventCutter(on) {
    let rest = '';
    let event = { id: null, name: 'message', data: [] };

    function line(text) {
        const [, name, value] = /^([^:]*):? ?(.*)$/.exec(text);
        if (text === '') {
            if (event.data.length || event.name !== 'message') {
                on({ id: event.id, name: event.name, data: event.data.join('\n') });
            }
            event = { id: event.id, name: 'message', data: [] };
        } else if (name === 'data') {
            event.data.push(value);
        } else if (name === 'event') {
            event.name = value;
        } else if (name === 'id') {
            event.id = value;
        }
    }

    return (text) => {
        const lines = (rest + text).split(/\r\n|\n/);
        rest = lines.pop();
        lines.forEach(line);
    };
}

/** @param path      the stream's address
 *  @param onEvent   {id, name, data}; `data` is text
 *  @param onState   'live' | 'lost', each time it changes
 *  @param onOpen    a connection stands, and every change from now on comes; may give a promise, and it is 'live' when that is kept
 *  Gives {go(path), close()}; go() changes the address and goes on after the last change seen. */
export function follow({ path, onEvent, onState = () => {}, onOpen = () => {} }) {
    let address = path;
    let lastId = null;
    let state = null;
    let attempt = null; /* AbortController of the connection under way */
    let failures = 0;
    let timer = 0;
    let closed = false;

    function tell(next) {
        if (next !== state) {
            state = next;
            onState(state);
        }
    }

    async function read(response, controller) {
        const cut = eventCutter((event) => {
            lastId = event.id ?? lastId;
            onEvent(event);
        });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
            const silence = setTimeout(() => controller.abort(), SILENCE_MS);
            const { done, value } = await reader.read().finally(() => clearTimeout(silence));
            if (done || controller !== attempt) {
                return;
            }
            cut(value);
        }
    }

    /* Live only once what was missed has been caught up with. */
    async function greet(controller) {
        await onOpen();
        if (!closed && controller === attempt) {
            tell('live');
        }
    }

    async function connect() {
        const controller = new AbortController();
        attempt?.abort();
        attempt = controller;
        clearTimeout(timer);
        const patience = setTimeout(() => controller.abort(), SILENCE_MS);
        try {
            const headers = { Accept: 'text/event-stream', ...(lastId === null ? {} : { 'Last-Event-ID': lastId }) };
            const response = await fetch(address, { headers, cache: 'no-store', signal: controller.signal });
            clearTimeout(patience);
            hearTime(response.headers.get('Date'));
            if (!response.ok) {
                throw new Error(`status ${response.status}`);
            }
            failures = 0;
            greet(controller);
            await read(response, controller);
        } catch {
            /* whatever it was: the connection is gone, and is made again */
        }
        clearTimeout(patience);
        if (!closed && controller === attempt) {
            attempt = null;
            tell('lost');
            const wait = Math.min(FIRST_WAIT_MS * 2 ** failures++, LONGEST_WAIT_MS);
            timer = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
        }
    }

    function hurry() {
        if (!closed && state === 'lost') {
            failures = 0;
            connect();
        }
    }

    function offline() {
        if (!closed) {
            tell('lost');
            attempt?.abort();
        }
    }

    addEventListener('online', hurry);
    addEventListener('offline', offline);
    connect();
    return {
        go(next) {
            if (next !== address) {
                address = next;
                connect();
            }
        },
        close() {
            closed = true;
            clearTimeout(timer);
            attempt?.abort();
            removeEventListener('online', hurry);
            removeEventListener('offline', offline);
        },
    };
}
