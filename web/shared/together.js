/** One stream of the shop for all windows of a browser: a browser has six connections to a shop that speaks HTTP/1.1, and a stream
 *  keeps one for good. Only windows in sight take part; a hidden one has no stream and looks again when it is seen.
 *
 *  One of the windows leads: it holds the stream, for what all of them want, and passes on what it hears. It says every second that it
 *  is there; when it says that it leaves, or has been silent for a while (closed, frozen, crashed), another one takes over. Of two that
 *  lead the one with the smaller name goes on. Nothing depends on there being one only: what is heard twice is the same.
 *
 *  What is said on the channel, each with `from`:
 *    here  {state}   the leader, every second and to who is new: it is there, and its connection is 'live', 'lost' or null (not yet known)
 *    open            the leader: the connection was made (again); who has shown something until now asks for it again
 *    event {event}   the leader: what came
 *    want  {orders}  the others, to each `here`
 *    bye             who goes */
import { streamOf } from './api.js';
import { follow } from './follow.js';

export const EVERYTHING = null; /* instead of a list of orders */

const CHANNEL = 'coffeeshop.stream';
const HERE_EVERY_MS = 1_000;
const GONE_AFTER_MS = 3_500; /* a leader that was silent for so long, and a wish that was not repeated */
const ANSWER_MS = 150; /* a leader that is there answers sooner */
const SPREAD_MS = 50; /* so that not all take over at once */
const MOST_FOLLOWED = 20; /* a stream is of so many orders at most: the newest */

/** The stream's address for all that windows want: lists of orders, or EVERYTHING. */
export function addressOf(wishes) {
    if (wishes.includes(EVERYTHING)) {
        return streamOf();
    }
    return streamOf([...new Set(wishes.flat())].sort((a, b) => b - a).slice(0, MOST_FOLLOWED).reverse());
}

const newName = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36).padStart(7, '0')).join('');

class Member {
    constructor({ orders, onEvent, onState, onOpen }) {
        Object.assign(this, { orders, onEvent, onState, onOpen });
        this.name = newName();
        this.state = null;
        this.channel = null; /* while it takes part */
        this.stream = null; /* while it leads */
        this.leader = null; /* the name of who leads */
        this.wishes = new Map(); /* while it leads: name of another window: {orders, at} */
        this.timer = 0; /* until it takes over, or while it leads until it says so again */
        this.opened = 0; /* connections made and lost: what was asked for since an earlier one doesn't count */
        this.greeting = -1; /* at which of them it was asked for */
    }

    join() {
        if (this.channel || document.hidden) {
            return;
        }
        this.channel = new BroadcastChannel(CHANNEL);
        this.channel.onmessage = ({ data }) => this.#hear(data);
        this.#say('want', { orders: this.orders });
        this.#takeOverIn(ANSWER_MS);
    }

    leave() {
        if (!this.channel) {
            return;
        }
        this.#stopLeading();
        this.#say('bye');
        clearTimeout(this.timer);
        this.channel.close();
        this.channel = null;
        this.leader = null;
        this.opened++;
        this.#tell(null);
    }

    wish(orders) {
        if (String(orders) === String(this.orders)) {
            return;
        }
        this.orders = orders;
        if (this.stream) {
            this.#aim();
        } else if (this.channel) {
            this.#say('want', { orders });
        }
    }

    #say(kind, more = {}) {
        this.channel.postMessage({ kind, from: this.name, ...more });
    }

    #tell(state) {
        if (state !== this.state) {
            this.state = state;
            this.onState(state);
        }
    }

    #takeOverIn(ms) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.#lead(), ms + SPREAD_MS * Math.random());
    }

    #lead() {
        this.leader = this.name;
        this.wishes.clear();
        this.stream = follow({
            path: addressOf([this.orders]),
            onEvent: (event) => {
                this.#say('event', { event });
                this.onEvent(event);
            },
            onState: (state) => {
                this.#tell(state);
                this.#say('here', { state });
            },
            onOpen: () => {
                this.#say('open');
                return this.onOpen();
            },
        });
        this.#sayHere();
    }

    #sayHere() {
        this.#say('here', { state: this.state });
        this.#aim();
        this.timer = setTimeout(() => this.#sayHere(), HERE_EVERY_MS);
    }

    #stopLeading() {
        this.stream?.close();
        this.stream = null;
        clearTimeout(this.timer);
    }

    /** What is followed is what is wanted now. */
    #aim() {
        for (const [name, { at }] of this.wishes) {
            if (performance.now() - at > GONE_AFTER_MS) {
                this.wishes.delete(name);
            }
        }
        this.stream.go(addressOf([this.orders, ...[...this.wishes.values()].map((wish) => wish.orders)]));
    }

    /** 'live' once what was missed has been asked for, unless the connection was lost or made again meanwhile. */
    async #greet() {
        const opened = ++this.opened;
        this.greeting = opened;
        await this.onOpen();
        if (opened === this.opened && this.channel && !this.stream) {
            this.#tell('live');
        }
    }

    #hear({ kind, from, state, event, orders }) {
        if (kind === 'here') {
            this.#hearHere(from, state);
        } else if (kind === 'want' && this.stream) {
            const isNew = !this.wishes.has(from);
            this.wishes.set(from, { orders, at: performance.now() });
            this.#aim();
            if (isNew) {
                this.#say('here', { state: this.state });
            }
        } else if (kind === 'bye') {
            this.wishes.delete(from);
            if (from === this.leader) {
                this.#takeOverIn(0);
            }
        } else if (kind === 'open' && !this.stream) {
            this.#greet();
        } else if (kind === 'event' && !this.stream) {
            this.onEvent(event);
        }
    }

    #hearHere(from, state) {
        if (this.stream && this.name < from) {
            this.#say('here', { state: this.state });
            return;
        }
        this.#stopLeading();
        this.leader = from;
        this.#takeOverIn(GONE_AFTER_MS);
        this.#say('want', { orders: this.orders });
        if (state === 'lost') {
            this.opened++;
            this.#tell('lost');
        } else if (state === 'live' && this.state !== 'live' && this.greeting !== this.opened) {
            this.#greet();
        }
    }
}

/** Follows while the window is in sight.
 *  @param orders   the orders' numbers, or EVERYTHING
 *  @param onEvent  {id, name, data}; `data` is text
 *  @param onState  'live' | 'lost' | null (out of sight, or not yet known), each time it changes
 *  @param onOpen   a connection stands, and every change from now on comes: what is shown may be old. May give a promise, and it is
 *                  'live' when that is kept
 *  Gives {wish(orders), close()}. */
export function followTogether({ orders, onEvent, onState = () => {}, onOpen = () => {} }) {
    const member = new Member({ orders, onEvent, onState, onOpen });
    const join = () => member.join();
    const leave = () => member.leave();
    const look = () => (document.hidden ? leave() : join());
    const listen = (doing) => {
        document[doing]('visibilitychange', look);
        document[doing]('freeze', leave);
        document[doing]('resume', join);
        globalThis[doing]('pagehide', leave);
        globalThis[doing]('pageshow', join);
    };

    listen('addEventListener');
    join();
    return {
        wish: (next) => member.wish(next),
        close() {
            listen('removeEventListener');
            leave();
        },
    };
}
