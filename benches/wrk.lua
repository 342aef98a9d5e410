-- What wrk sends for `benches/run`, and how it reports.
--
-- BENCH_REQUESTS a file of requests, each a line of bearer and path: each is sent
--                in its turn
-- BENCH_VISITORS a number: each request starts a conversation for one of so
--                many visitors, drawn at random
-- Neither: the request of the command line, as it is.

local requests, visitors = {}, tonumber(os.getenv("BENCH_VISITORS"))
local threads, sent = 0, 0

function setup(thread)
  thread:set("place", threads)
  threads = threads + 1
end

function init()
  local file = os.getenv("BENCH_REQUESTS")
  if file then
    -- Put together once: wrk runs on the cores that it measures.
    for line in io.lines(file) do
      local bearer, path = line:match("(%S+) (%S+)")
      wrk.headers["Authorization"] = "Bearer " .. bearer
      requests[#requests + 1] = wrk.format(nil, path)
    end
    -- Each thread begins elsewhere, so that two do not ask the same.
    sent = place * math.floor(#requests / 2)
    request = next_of_file
  elseif visitors then
    math.randomseed(os.time() + place)
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
