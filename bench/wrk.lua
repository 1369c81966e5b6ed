-- What wrk asks for, and how it tells what it measured (bench/tools.py).
--   wrk … -s wrk.lua URL -- order       POST /orders, always the same coffee
--   wrk … -s wrk.lua URL -- look N      GET /orders/1 to /orders/N, one after the other

local requests, at = nil, 0

function init(args)
    wrk.headers["Content-Type"] = "application/json"
    if args[1] == "order" then
        wrk.method, wrk.path, wrk.body = "POST", "/orders", '{"productName":"Latte","qty":1}'
        requests = { wrk.format() }
    else
        requests = {}
        for id = 1, tonumber(args[2]) do
            requests[id] = wrk.format("GET", "/orders/" .. id)
        end
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('\nRESULT {"requests": %d, "us": %d, "p50": %d, "p99": %d, "failed": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
