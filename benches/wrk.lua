-- The requests of wrk for `benches/run`, and its report.
--
-- BENCH_REQUESTS  a file of requests, to be sent in turn; each line has a bearer
--                 credential and a path
-- BENCH_VISITORS  a number: each request starts a conversation of one of this many
--                 visitors, chosen at random
-- Without both, wrk sends the request of its command line.

local requests, visitors = {}, tonumber(os.getenv("BENCH_VISITORS"))
local threads, sent = 0, 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  local file = os.getenv("BENCH_REQUESTS")
  if file then
    -- Formatted once, because wrk uses the cores of the server.
    for line in io.lines(file) do
      local bearer, path = line:match("(%S+) (%S+)")
      wrk.headers["Authorization"] = "Bearer " .. bearer
      requests[#requests + 1] = wrk.format(nil, path)
    end
    -- The threads start at different requests.
    sent = number * math.floor(#requests / 2)
    request = next_of_file
  elseif visitors then
    math.randomseed(os.time() + number)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    request = start_conversation
  end
end

function next_of_file()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function start_conversation()
  local name = "visitor-" .. math.random(1, visitors)
  return wrk.format(nil, nil, nil, '{"visitor":{"saVid":"' .. name .. '"}}')
end

-- RESULT requests/s, the median and the 99th percentile in ms, failures
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("RESULT %.2f %.3f %.3f %d", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
