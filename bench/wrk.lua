-- What wrk asks for, and how it tells what it measured (bench/tools.py).
--   wrk … -s wrk.lua URL -- order       POST /orders, always the same coffee
--   wrk … -s wrk.lua URL -- look N      GET /orders/1 to /orders/N, one after the other
--   wrk … -s wrk.lua URL -- refused     the same order; nobody may get one
--   wrk … -s wrk.lua URL -- missing     GET /orders/999999999, which there isn't
--   wrk … -s wrk.lua URL -- reduce N W  POST /stocks/reduce, N reservations at once, none of them twice; W is a word of this run's

local requests, at, thread = nil, 0, nil
local reservations, word = nil, nil

function setup(one) -- there is one (-t1); what init() sets is its, not ours
    thread = one
end

function init(args)
    wrk.headers["Content-Type"] = "application/json"
    no_success = args[1] == "refused" or args[1] == "missing"
    if args[1] == "missing" then
        requests = { wrk.format("GET", "/orders/999999999") }
    elseif args[1] == "reduce" then
        wrk.method, wrk.path = "POST", "/stocks/reduce"
        reservations, word = tonumber(args[2]), args[3]
    elseif args[1] == "order" or args[1] == "refused" then
        wrk.method, wrk.path, wrk.body = "POST", "/orders", '{"productName":"Latte","qty":1}'
        requests = { wrk.format() }
    else
        requests = {}
        for id = 1, tonumber(args[2]) do
            requests[id] = wrk.format("GET", "/orders/" .. id)
        end
    end
end

local function reduce()
    local each = {}
    for i = 1, reservations do
        at = at + 1
        each[i] = string.format('{"reservationId":"%s-%d","productName":"Latte","qty":1}', word, at)
    end
    return wrk.format(nil, nil, nil, "[" .. table.concat(each, ",") .. "]")
end

function request()
    if reservations then
        return reduce()
    end
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local errors = summary.errors
    local wrong = errors.status
    if thread:get("no_success") then
        wrong = summary.requests - errors.status
    end
    io.write(string.format('\nRESULT {"requests": %d, "us": %d, "p50": %d, "p99": %d, "failed": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.timeout + wrong))
end
