-- What wrk asks, and how it tells what came of it: as the last line, in JSON.
--
--   wrk ... -s ask.lua URL -- post FILE    posts FILE
--   wrk ... -s ask.lua URL -- get FILE     gets the lines of FILE, which are paths, in turn

local requests = {}
local at = 0

function init(arguments)
   if arguments[1] == "post" then
      local body = io.open(arguments[2]):read("*a")
      requests[1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
   else
      for path in io.lines(arguments[2]) do
         requests[#requests + 1] = wrk.format("GET", path)
      end
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local failed = 0
   for _, count in pairs(summary.errors) do
      failed = failed + count
   end
   print(string.format('{"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p99": %.3f}',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
