# frozen_string_literal: true

require "fileutils"
require "open3"
require "socket"
require "tempfile"
require "tmpdir"

# Does what workers of Samvera's applications do, step by step, and leaves in Redis under demo:media:TOKEN (for an hour) a list of lines
# with what became of each: its name, a tab, and `ok` or the error. The last is `ended`.
class MediaJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  PATIENCE = 45 # seconds that a program may take: without a home LibreOffice waits for ever, and for TERM it does not care

  # No file here may hold it in one piece: scanners of others would find it.
  EICAR = ['X5O!P%@AP[4\PZX54(P^)7CC)7}$', "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", "$H+H*"].join

  PDF = <<~'TEXT'
    %PDF-1.4
    1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
    2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
    3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >> endobj
    trailer << /Root 1 0 R >>
  TEXT

  def perform(token)
    @key = "demo:media:#{token}"
    Dir.mktmpdir { |folder| inside(folder) }
  rescue SystemCallError => error
    report("mktmpdir", error)
  ensure
    report("ended", nil)
  end

  private

  def inside(folder)
    @folder = folder
    files
    rights
    images
    video
    java
    office
    viruses
    host
  end

  def files
    %w[/opt/derivatives /opt/uploads /opt/data log tmp].each { |folder| step("write #{folder}") { write_below(folder) } }
    step("write /var/tmp") { write_below("/var/tmp") }
    step("write /opt/elsewhere") { write_below("/opt/elsewhere") }
  end

  def rights
    step("cp -p") { silent("cp", "-p", file("plain.txt", "text"), path("copy.txt")) }
    step("FileUtils.cp preserve") { FileUtils.cp(file("plain.txt", "text"), path("kept.txt"), preserve: true) }
    step("chown") { File.chown(nil, Process.gid, file("plain.txt", "text")) }
    step("chmod g+s") { silent("chmod", "g+s", FileUtils.mkdir_p(path("group")).first) }
  end

  def images
    step("magick ppm jpg") { makes("small.jpg") { run(*convert, file("small.ppm", "P6 16 16 255\n#{"abc" * 256}"), path("small.jpg")) } }
    step("magick pdf png") { makes("page.png") { run(*convert, "-density", "72", file("page.pdf", PDF), path("page.png")) } }
    step("file") { raise "no JPEG" unless run("file", "--brief", "--mime-type", path("small.jpg")).include?("image/jpeg") }
  end

  def video
    step("ffmpeg mp4") do
      makes("test.mp4") { run("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5", "-pix_fmt", "yuv420p", path("test.mp4")) }
    end
    step("ffprobe") { run("ffprobe", "-loglevel", "error", "-show_streams", path("test.mp4")) }
  end

  # Besides its version, a program of its own runtime that calculates and writes.
  def java
    step("java -version") { run("java", "-version") }
    step("java program") do
      makes("keys") do
        run("keytool", "-genkeypair", "-keyalg", "RSA", "-dname", "CN=demo", "-storepass", "changeit", "-keystore", path("keys"))
      end
    end
  end

  # As the gem hydra-derivatives calls it, which leaves the profile to LibreOffice: it comes below HOME. Its exit status is 0 in any case.
  def office
    step("soffice pdf") { to_pdf }
    step("soffice pdf, own profile") { to_pdf("-env:UserInstallation=file://#{path("profile")}") }
  end

  def to_pdf(*more)
    FileUtils.rm_f(path("letter.pdf"))
    makes("letter.pdf") do
      run("soffice", *more, "--invisible", "--headless", "--convert-to", "pdf", "--outdir", @folder, file("letter.txt", "Dear Sir,"))
    end
  end

  # As the gem clamby calls it by default, with `daemonize`, with `fdpass` and with `stream`. Without the last two clamd opens the
  # file itself, and as another user.
  def viruses
    scan("clamscan", 0o600)
    scan("clamdscan", 0o644)
    scan("clamdscan --fdpass", 0o600)
    scan("clamdscan --stream", 0o600)
    step("clamdscan /opt/uploads") { scan_one(%w[clamdscan], 0o644, EICAR, 1, "/opt/uploads") }
  end

  def scan(command, mode)
    step("#{command}: clean") { scan_one(command.split, mode, "text", 0) }
    step("#{command}: EICAR") { scan_one(command.split, mode, EICAR, 1) }
  end

  def scan_one(command, mode, text, status, folder = Dir.tmpdir)
    Tempfile.create("scan", folder) do |temp|
      temp.write(text)
      temp.chmod(mode)
      temp.close
      run(*command, "--no-summary", temp.path, status: status)
    end
  end

  def host
    step("Socket.ip_address_list") { raise "no address" if Socket.ip_address_list.empty? }
    step("nice") { run("nice", "-n", "5", "true") }
    step("ionice") { run("ionice", "-c", "3", "true") }
  end

  # Runs one step; whatever it raises is its report.
  def step(name)
    yield
    report(name, nil)
  rescue StandardError => error
    report(name, error)
  end

  def report(name, error)
    text = error ? "#{error.class}: #{error.message}".gsub(/\s+/, " ")[0, 300] : "ok"
    Sidekiq.redis do |redis|
      redis.rpush(@key, "#{name}\t#{text}")
      redis.expire(@key, 3600)
    end
  end

  def run(*command, status: 0)
    output, result = Open3.capture2e("timeout", "--kill-after=5", PATIENCE.to_s, *command, chdir: @folder)
    raise "#{command.first} ended with #{result.exitstatus || result}: #{output}" unless result.exitstatus == status
    output
  end

  def silent(*command)
    output = run(*command)
    raise output unless output.empty?
  end

  def makes(name)
    output = yield
    raise "no #{name}: #{output}" unless File.size?(path(name))
  end

  def write_below(folder)
    Dir.mktmpdir("media", folder) { |made| File.write(File.join(made, "file"), "text") }
  end

  # ImageMagick 6 had no `magick`.
  def convert
    system("which", "magick", out: File::NULL) ? %w[magick] : %w[convert]
  end

  def path(name)
    File.join(@folder, name)
  end

  def file(name, text)
    File.binwrite(path(name), text)
    path(name)
  end
end
