/** Asking for the same thing again and again, and at once when the stream of changes says that something happened: what is shown is
 *  always one whole answer of its owner's, never put together from pieces, so a missed change can't stay missed. */
import { EVERYTHING, followTogether } from './together.js';

const SOONEST_MS = 300;

/** @param ask    asks and takes in; what it throws means that nothing was heard
 *  @param every  ms
 *  @param onLink 'live' | 'lost', after each asking
 *  Gives a function that asks at once. */
export function regularly(ask, every, onLink) {
    let timer = 0;
    let busy = false;
    let again = false;
    let askedAt = -Infinity;

    async function go() {
        clearTimeout(timer);
        if (busy) {
            again = true;
            return;
        }
        busy = true;
        askedAt = performance.now();
        try {
            await ask();
            onLink('live');
        } catch {
            onLink('lost');
        }
        busy = false;
        timer = setTimeout(go, again ? SOONEST_MS : every);
        again = false;
    }

    function soon() {
        clearTimeout(timer);
        timer = setTimeout(go, Math.max(SOONEST_MS - (performance.now() - askedAt), 0));
    }

    go();
    followTogether({ orders: EVERYTHING, onEvent: soon, onOpen: soon });
    addEventListener('online', soon);
    document.addEventListener('visibilitychange', soon);
    return soon;
}
