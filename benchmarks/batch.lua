-- Requests from a template, which has NUMBER and PAGE where events differ: every event has
-- its own message id, and there are more pages than the proxy caches. All requests are
-- made before the measurement starts.
local requests, sent = {}, 0
init = function(args)
  local path, file, count = args[1], io.open(args[2]), 0
  local template = file:read("*a")
  file:close()
  for position = 1, 200 do
    local body = template:gsub("%u%u+", function(word)
      if word == "NUMBER" then
        count = count + 1
        return string.format("%012d", count)
      elseif word == "PAGE" then
        return string.format("%d", count % 5000)
      end
    end)
    requests[position] = wrk.format("POST", path, {
      ["Content-Type"] = "application/json",
      ["Origin"] = "https://shop.example",
      ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " ..
        "(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    }, body)
  end
end
request = function()
  sent = sent + 1
  return requests[sent % #requests + 1]
end
