/** The one place that talks to the shop. Paths, parameters and shapes are those of api/openapi.yaml; nothing else is relied on.
 *
 *  Every call gives the answer's body, or throws
 *    Refused      the shop understood and said no (4xx): `status`, `member`, `detail`; asking again changes nothing
 *    Unanswered   no answer, or "not now" (5xx): nothing is known, ask again later */
import { hearTime } from './clock.js';

const PATIENCE_MS = 12_000;

export class Refused extends Error {
    constructor(status, problem) {
        super(problem.detail ?? problem.title ?? String(status));
        this.status = status;
        this.member = problem.member ?? null;
        this.detail = problem.detail ?? '';
    }
}

export class Unanswered extends Error {
    constructor(status, detail = '') {
        super(detail || (status ? `status ${status}` : 'no answer'));
        this.status = status; /* 0: nothing came back at all */
    }
}

async function problemOf(response) {
    try {
        return await response.json();
    } catch {
        return {};
    }
}

async function ask(method, path, body, headers = {}) {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    let response;
    try {
        response = await fetch(path, {
            method,
            cache: 'no-store',
            signal: AbortSignal.timeout(PATIENCE_MS),
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
    const problem = await problemOf(response);
    if (response.status >= 500 || response.status === 429) {
        throw new Unanswered(response.status, problem.detail);
    }
    throw new Refused(response.status, problem);
}

const list = (name) => (answer) => answer._embedded[name];
const id = (n) => encodeURIComponent(n);

/** A new Idempotency-Key; they begin with the time, as the store likes them in order. */
export function newKey() {
    const random = crypto.getRandomValues(new Uint32Array(3));
    return `${Date.now().toString(36)}-${Array.from(random, (n) => n.toString(36)).join('')}`;
}

export const menu = () => ask('GET', '/menu').then(list('menu'));

export const placeOrder = (productName, qty, key) => ask('POST', '/orders', { productName, qty }, { 'Idempotency-Key': key });
export const order = (orderId) => ask('GET', `/orders/${id(orderId)}`);
export const cancelOrder = (orderId) => ask('PATCH', `/orders/${id(orderId)}`, { status: 'Canceled' });

export const mypage = (orderId) => ask('GET', `/mypages/${id(orderId)}`);
/** The address of the live changes: of these orders (at most 20), or of all. */
export const streamOf = (orderIds = []) =>
    `/mypages/stream${orderIds.length ? '?' : ''}${orderIds.map((one) => `orderId=${id(one)}`).join('&')}`;

export const kitchen = () => ask('GET', '/products/kitchen');
export const openTickets = () => ask('GET', '/products/search/open').then(list('products'));
export const ticket = (ticketId) => ask('GET', `/products/${id(ticketId)}`);
export const ticketOf = (orderId) =>
    ask('GET', `/products/search/findByOrderId?orderId=${id(orderId)}`).then(list('products')).then((found) => found[0] ?? null);
export const workOn = (ticketId, status) => ask('PATCH', `/products/${id(ticketId)}`, { status });

export const stocks = () => ask('GET', '/stocks?size=1000&sort=id').then(list('stocks'));
export const receiveGoods = (productName, qty, key) =>
    ask('POST', '/stocks/receive', { productName, qty }, { 'Idempotency-Key': key });
export const correctStock = (stockId, qty, reason) => ask('PATCH', `/stocks/${id(stockId)}`, { qty, reason });
export const markStock = (stockId, qty) => ask('PUT', `/stocks/${id(stockId)}/lowMark`, { qty });
/** {movements, before}: newest first; `before` is where the older ones begin, null when there are none. */
export async function movements(stockId, before) {
    const answer = await ask('GET', `/stocks/${id(stockId)}/movements?size=20${before ? `&before=${id(before)}` : ''}`);
    const next = answer._links.next ? new URL(answer._links.next.href).searchParams.get('before') : null;
    return { movements: answer._embedded.movements, before: next };
}

/** A service's metrics as Prometheus' text; for the operator only. */
export async function metrics(service) {
    let response;
    try {
        response = await fetch(`/ops/${service}/metrics`, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
        hearTime(response.headers.get('Date'));
    } catch {
        throw new Unanswered(0);
    }
    if (response.ok) {
        return response.text();
    }
    const problem = await problemOf(response);
    throw response.status === 403 ? new Refused(403, problem) : new Unanswered(response.status, problem.detail);
}

/** How many orders there ever were. */
export const orderCount = () => ask('GET', '/orders?size=1').then((answer) => answer.page.totalElements);
/** Whether a service may be asked: 'up', or 'down' when it says that it may not or can't be reached. */
export const health = (service) => ask('GET', `/health/${service}`).then(() => 'up', () => 'down');
