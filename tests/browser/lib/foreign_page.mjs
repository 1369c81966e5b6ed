/** What a page that isn't the shop's can try with the browser of somebody who can reach the shop, without asking anybody.
 *
 *  attack() runs in the page. Each try has a number, which is in the address that it asks (`attack=n`), so that the browser's word
 *  about it can be waited for: a beacon or a form tells the page nothing. */

/** The changes and the reads to try at an address, each way that there is. `ids` {order, ticket, stock} are of what there is to be hurt.
 *  Gives [{n, how, method, path}]. */
export function triesAt(paths, ids) {
    const simple = ['blob', 'text', 'urlencoded', 'multipart', 'keepalive', 'beacon-blob', 'beacon-text', 'beacon-json', 'form', 'preflight', 'credentials', 'xhr'];
    const posts = [
        ['/orders', { productName: 'Latte', qty: 7 }],
        ['/products', { productName: 'Tea', qty: 3 }],
        ['/stocks/receive', { productName: 'Mocha', qty: 5000 }],
        ['/stocks/reduce', { productName: 'Tea', qty: 50 }],
    ].flatMap(([path, body]) => simple.map((how) => ({ how, method: 'POST', path, body })));
    const others = [
        ['PATCH', `/orders/${ids.order}`, { status: 'Canceled' }],
        ['PUT', `/products/${ids.ticket}`, { status: 'Canceled' }],
        ['PATCH', `/stocks/${ids.stock}`, { qty: 0 }],
        ['PUT', `/stocks/${ids.stock}/lowMark`, { qty: 999 }],
        ['DELETE', `/stocks/${ids.stock}`, undefined],
    ].flatMap(([method, path, body]) => ['preflight', 'credentials', 'xhr'].map((how) => ({ how, method, path, body })));
    const reads = ['/orders', `/orders/${ids.order}`, '/products', '/stocks', '/mypages', '/menu', '/']
        .flatMap((path) => ['fetch', 'fetch-credentials', 'fetch-no-cors', 'xhr', 'script'].map((how) => ({ how, method: 'GET', path })));
    const streams = [{ how: 'stream', method: 'GET', path: '/mypages/stream?lastEventId=0' }, { how: 'frame', method: 'GET', path: '/' }];
    const owned = ({ path }) => paths.some((one) => path === one || path.startsWith(`${one}/`) || path.startsWith(`${one}?`));
    return [...posts, ...others, ...reads, ...streams].filter(owned).map((one, n) => ({ n, ...one }));
}

/** Runs in the page. Gives what it could read: [{n, how, path, text}]. */
export async function attack({ url, tries }) {
    const read = [];
    const within = (promise, ms) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms))]);
    const typed = { 'Content-Type': 'application/json' };
    const json = (one) => (one.body === undefined ? undefined : JSON.stringify(one.body));
    const notRead = (one) => (text) => text && read.push({ n: one.n, how: one.how, path: one.path, text: String(text).slice(0, 200) });

    const asked = (address, options) => fetch(address, options).then((answer) => answer.text(), () => '');

    function frameOf(build) {
        const frame = document.createElement('iframe');
        frame.name = `f${Math.random()}`;
        const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
        document.body.append(frame);
        build(frame);
        return within(loaded, 5_000).then(() => {
            try {
                return frame.contentDocument?.querySelector('[data-testid]')?.outerHTML;
            } catch {
                return '';
            }
        });
    }

    const byForm = (address, one) => frameOf((frame) => {
        const form = document.createElement('form');
        Object.assign(form, { method: 'POST', action: address, enctype: 'text/plain', target: frame.name });
        const field = document.createElement('input');
        field.name = `${json(one).slice(0, -1)},"x":"`;
        field.value = '"}';
        form.append(field);
        document.body.append(form);
        form.submit();
    });

    const byXhr = (address, one) => new Promise((resolve) => {
        const request = new XMLHttpRequest();
        request.open(one.method, address);
        if (one.body !== undefined) {
            request.setRequestHeader('Content-Type', 'application/json');
        }
        request.onloadend = () => resolve(request.responseText);
        request.send(json(one));
    });

    const byScript = (address) => new Promise((resolve) => {
        const script = document.createElement('script');
        script.src = address;
        script.onload = script.onerror = () => resolve('');
        document.head.append(script);
    });

    const byStream = (address) => new Promise((resolve) => {
        const source = new EventSource(address);
        const end = (text) => {
            source.close();
            resolve(text);
        };
        source.onmessage = (event) => end(event.data);
        source.addEventListener('mypage', (event) => end(event.data));
        source.onerror = () => end('');
    });

    function form(one) {
        const data = new FormData();
        Object.entries(one.body).forEach(([name, value]) => data.append(name, value));
        return data;
    }

    const ways = {
        blob: (to, one) => asked(to, { method: 'POST', mode: 'no-cors', body: new Blob([json(one)]) }),
        text: (to, one) => asked(to, { method: 'POST', mode: 'no-cors', body: json(one) }),
        urlencoded: (to, one) => asked(to, { method: 'POST', mode: 'no-cors', body: new URLSearchParams(one.body) }),
        multipart: (to, one) => asked(to, { method: 'POST', mode: 'no-cors', body: form(one) }),
        keepalive: (to, one) => asked(to, { method: 'POST', mode: 'no-cors', keepalive: true, credentials: 'include', body: new Blob([json(one)]) }),
        'beacon-blob': (to, one) => navigator.sendBeacon(to, new Blob([json(one)])) && '',
        'beacon-text': (to, one) => navigator.sendBeacon(to, json(one)) && '',
        'beacon-json': (to, one) => navigator.sendBeacon(to, new Blob([json(one)], { type: 'application/json' })) && '',
        form: byForm,
        preflight: (to, one) => asked(to, { method: one.method, headers: typed, body: json(one) }),
        credentials: (to, one) => asked(to, { method: one.method, headers: typed, credentials: 'include', body: json(one) }),
        xhr: byXhr,
        fetch: (to) => asked(to, {}),
        'fetch-credentials': (to) => asked(to, { credentials: 'include' }),
        'fetch-no-cors': (to) => asked(to, { mode: 'no-cors' }),
        script: byScript,
        stream: byStream,
        frame: (to) => frameOf((frame) => { frame.src = to; }),
    };

    for (const one of tries) {
        const address = `${url}${one.path}${one.path.includes('?') ? '&' : '?'}attack=${one.n}`;
        await Promise.resolve(ways[one.how](address, one)).then(notRead(one));
    }
    return read;
}
