/** The one place that talks to the shop. Paths, parameters and shapes are those of api/openapi.yaml; nothing else is relied on.
 *
 *  Every call gives the answer's body, or throws
 *    Refused      the shop understood and said no (4xx): `status`, `member`, `detail`, `problem`; asking again changes nothing
 *    Unanswered   no answer, or "not now" (5xx): ask again later. `unchanged`: whose it is says that nothing was changed; otherwise
 *                 it is not known whether what was asked for was done */
import { hearTime } from './clock.js';

const PATIENCE_MS = 12_000;
/* for what is asked again every few seconds, by who looks on */
const GLANCE_MS = 5_000;

export class Refused extends Error {
    constructor(status, problem) {
        super(problem.detail ?? problem.title ?? String(status));
        this.status = status;
        this.member = problem.member ?? null;
        this.detail = problem.detail ?? '';
        this.problem = problem;
    }
}

export class Unanswered extends Error {
    /** @param status  0: nothing came back at all */
    constructor(status, problem = {}, unchanged = false) {
        super(problem.detail || (status ? `status ${status}` : 'no answer'));
        Object.assign(this, { status, problem, unchanged });
    }
}

/* A service gives every answer a correlation id. What has none is the gateway's word, or that of a stranger, who can't know. */
const isOfService = (response) => response.headers.has('X-Correlation-ID');

async function problemOf(response) {
    try {
        return (await response.json()) ?? {};
    } catch {
        return {};
    }
}

async function failureOf(response) {
    const problem = await problemOf(response);
    if (response.status >= 500 || response.status === 429) {
        return new Unanswered(response.status, problem, isOfService(response) && problem.type !== 'outcome-unknown');
    }
    return new Refused(response.status, problem);
}

async function ask(method, path, body, headers = {}, patience = PATIENCE_MS) {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    let response;
    try {
        response = await fetch(path, {
            method,
            cache: 'no-store',
            signal: AbortSignal.timeout(patience),
            body: content.body,
            headers: { Accept: 'application/json', ...content.headers, ...headers },
        });
        hearTime(response.headers.get('Date'));
        if (response.ok) {
            return response.status === 204 ? null : await response.json();
        }
    } catch {
        throw new Unanswered(0);
    }
    throw await failureOf(response);
}

const list = (name) => (answer) => answer._embedded[name];
const id = (n) => encodeURIComponent(n);

/** A new Idempotency-Key; they begin with the time, as the store likes them in order. */
export function newKey() {
    const random = crypto.getRandomValues(new Uint32Array(3));
    return `${Date.now().toString(36)}-${Array.from(random, (n) => n.toString(36)).join('')}`;
}

export const menu = () => ask('GET', '/menu').then(list('menu'));

/** `amount` is what the customer was shown. When the price is another now it is refused: 409, and the problem has the `amount`. */
export async function placeOrder({ productName, qty, amount, key }) {
    const order = await ask('POST', '/orders', { productName, qty, amount }, { 'Idempotency-Key': key });
    if (!Number.isSafeInteger(order?.id)) {
        throw new Unanswered(0); /* somebody else's answer */
    }
    return order;
}
export const order = (orderId) => ask('GET', `/orders/${id(orderId)}`);
export const cancelOrder = (orderId) => ask('PATCH', `/orders/${id(orderId)}`, { status: 'Canceled' });

export const mypage = (orderId) => ask('GET', `/mypages/${id(orderId)}`);
/** The address of the live changes: of these orders (at most 20), or of all. */
export const streamOf = (orderIds = []) =>
    `/mypages/stream${orderIds.length ? '?' : ''}${orderIds.map((one) => `orderId=${id(one)}`).join('&')}`;

const glance = (path) => ask('GET', path, undefined, {}, GLANCE_MS);

export const kitchen = () => ask('GET', '/products/kitchen');
export const openTickets = () => ask('GET', '/products/search/open').then(list('products'));
/** The same for who only counts them. */
export const openTicketsSeen = () => glance('/products/search/open').then(list('products'));
export const ticket = (ticketId) => ask('GET', `/products/${id(ticketId)}`);
export const ticketOf = (orderId) =>
    ask('GET', `/products/search/findByOrderId?orderId=${id(orderId)}`).then(list('products')).then((found) => found[0] ?? null);
export const workOn = (ticketId, status) => ask('PATCH', `/products/${id(ticketId)}`, { status });

export const stocks = () => ask('GET', '/stocks?size=1000&sort=id').then(list('stocks'));
export const receiveGoods = (productName, qty, key) =>
    ask('POST', '/stocks/receive', { productName, qty }, { 'Idempotency-Key': key });
/** By a difference, so that what is sold meanwhile isn't undone. */
export const correctStock = (stockId, change, reason, key) =>
    ask('PATCH', `/stocks/${id(stockId)}`, { change, reason }, { 'Idempotency-Key': key });
export const markStock = (stockId, qty) => ask('PUT', `/stocks/${id(stockId)}/lowMark`, { qty });
/** {movements, before}: newest first; `before` is where the older ones begin, null when there are none. */
export async function movements(stockId, before, size = 20) {
    const answer = await ask('GET', `/stocks/${id(stockId)}/movements?size=${size}${before ? `&before=${id(before)}` : ''}`);
    const next = answer._links.next ? new URL(answer._links.next.href).searchParams.get('before') : null;
    return { movements: answer._embedded.movements, before: next };
}

/** A service's metrics as Prometheus' text; for the operator only. */
export async function metrics(service) {
    let response;
    try {
        response = await fetch(`/ops/${service}/metrics`, { cache: 'no-store', signal: AbortSignal.timeout(GLANCE_MS) });
        hearTime(response.headers.get('Date'));
    } catch {
        throw new Unanswered(0);
    }
    if (response.ok) {
        return response.text();
    }
    throw await failureOf(response);
}

/** What the payments of the shop's day have come to; for the operator only. */
export const paymentSummary = () => ask('GET', '/payments/summary');
/** How many orders there ever were. */
export const orderCount = () => glance('/orders?size=1').then((answer) => answer.page.totalElements);
/** How a service is: {state, reason}.
 *    up        it says so
 *    unready   it says that it can't do its work, and why
 *    down      the gateway says that it does not answer
 *    unknown   the gateway can't be asked, doesn't let this page ask, or is not the one who answered */
export async function health(service) {
    try {
        const answer = await glance(`/health/${service}`);
        return { state: answer?.status === 'UP' ? 'up' : 'unknown', ...(typeof answer?.fault === 'string' && { fault: answer.fault }) };
    } catch (why) {
        const { status, reason } = why.problem ?? {};
        if (typeof reason === 'string' && reason) {
            return { state: 'unready', reason };
        }
        return { state: why.status === 503 && status === 503 ? 'down' : 'unknown' };
    }
}
